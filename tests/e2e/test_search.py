"""Search on the page: query, range, histogram, facets, patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.contrast import contrasts

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit
    from tests.support.browser import LogsPage

pytestmark = pytest.mark.browser


def view_of(logs: LogsPage) -> dict[str, str]:
    """Return what stands in the page's address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(logs.page.url).query).items()}


def test_the_newest_records_are_shown(visit: Visit, shop: CollectorProcess) -> None:
    """Without a query the page shows what came last, the newest below, and how many there are."""
    logs = visit(shop.url)
    logs.open()
    expect(logs.row("order 1119 was slow: 419 ms")).to_be_visible()
    expect(logs.rows.last).to_contain_text("1119")
    expect(logs.page.locator("#count-records")).to_have_text("248")


def test_a_query_narrows_and_can_be_shared(visit: Visit, shop: CollectorProcess) -> None:
    """What is typed is searched for, stands in the address, and the address shows the same elsewhere."""
    logs = visit(shop.url)
    logs.open()
    logs.search('level:>=warning "was slow"')
    expect(logs.page.locator("#count-records")).to_have_text("8")
    expect(logs.rows).to_have_count(8)
    assert view_of(logs)["q"] == 'level:>=warning "was slow"'
    other = visit(shop.url)
    other.page.goto(logs.page.url)
    expect(other.rows).to_have_count(8)
    logs.page.go_back()
    expect(logs.page.locator("#count-records")).to_have_text("248")


def test_a_mistake_is_shown_where_it_is(visit: Visit, shop: CollectorProcess) -> None:
    """A query that cannot be read says what is wrong and where; what was found before stays."""
    logs = visit(shop.url)
    logs.open()
    expect(logs.row("order 1119 was slow")).to_be_visible()
    shown = logs.rows.count()
    logs.search("level:error (")
    expect(logs.page.locator("#mistake")).to_contain_text("Column 14")
    expect(logs.page.locator("#mistake")).to_contain_text("parenthesis")
    expect(logs.page.locator("#caret")).to_be_visible()
    assert logs.rows.count() == shown
    logs.search("level:error")
    expect(logs.page.locator("#mistake")).to_be_hidden()
    expect(logs.rows).to_have_count(6)


def test_fields_and_values_complete_themselves(visit: Visit, shop: CollectorProcess) -> None:
    """Typing offers the fields there are, and behind the colon the values there are."""
    logs = visit(shop.url)
    logs.open()
    logs.page.click("#query")
    logs.page.keyboard.type("serv")
    options = logs.page.locator("#completions [role=option]")
    expect(options.first).to_contain_text("service")
    logs.page.keyboard.press("Tab")
    logs.page.keyboard.type("pay")
    expect(options.first).to_contain_text("payments")
    logs.page.keyboard.press("Tab")
    logs.page.keyboard.press("Enter")
    expect(logs.page.locator("#count-records")).to_have_text("120")


def test_facets_let_in_and_filter_out(visit: Visit, shop: CollectorProcess) -> None:
    """A click on a value keeps its records; on its minus, all others."""
    logs = visit(shop.url)
    logs.open()
    logs.facet("service", "payments").click()
    expect(logs.page.locator("#count-records")).to_have_text("120")
    expect(logs.page.locator("#query")).to_have_value("service:payments")
    logs.facet("service", "payments").click()
    expect(logs.page.locator("#count-records")).to_have_text("248")
    logs.page.get_by_label("Filter out level info").click(force=True)
    expect(logs.page.locator("#count-records")).to_have_text("14")


def test_patterns_group_and_filter(visit: Visit, shop: CollectorProcess) -> None:
    """Messages are grouped by their pattern, most frequent first; a click shows the records of one."""
    logs = visit(shop.url)
    logs.open()
    logs.page.click("#tab-patterns")
    panel = logs.page.locator("#patterns-panel")
    expect(panel).to_contain_text("charge failed")
    expect(logs.page.locator("#count-patterns")).to_have_text("4")
    panel.get_by_text("charge failed").click()
    expect(logs.page.locator("#count-records")).to_have_text("6")


def test_a_range_of_time(visit: Visit, shop: CollectorProcess) -> None:
    """A shorter range shows fewer records, and says so in the address."""
    logs = visit(shop.url)
    logs.open()
    logs.page.click("#range")
    logs.page.locator("#range-panel").get_by_text("Last 15 minutes").click()
    expect(logs.page.locator("#range-text")).to_have_text("Last 15 minutes")
    expect(logs.page.locator("#count-records")).to_have_text(re.compile(r"^1[0-3]\d$"))
    assert view_of(logs)["since"] == "15m"


def test_a_stretch_drawn_in_the_histogram(visit: Visit, shop: CollectorProcess) -> None:
    """Dragging over the histogram chooses that stretch of time."""
    logs = visit(shop.url)
    logs.open(since="1h")
    expect(logs.page.locator("#count-records")).to_have_text("248")
    box = logs.page.locator("#histogram .u-over").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    logs.page.mouse.move(box["x"] + box["width"] * 0.75, y)
    logs.page.mouse.down()
    logs.page.mouse.move(box["x"] + box["width"] * 0.9, y, steps=5)
    logs.page.mouse.up()
    expect(logs.page.locator("#count-records")).to_have_text(re.compile(r"^(1\d\d|[1-9]\d?)$"))
    assert {"since", "until"} <= view_of(logs).keys()


def test_nothing_found_says_what_to_do(visit: Visit, shop: CollectorProcess) -> None:
    """A query without a match is no empty screen."""
    logs = visit(shop.url)
    logs.open(q="nosuchword")
    notice = logs.page.locator("#notice")
    expect(notice).to_be_visible()
    expect(notice).to_have_text(re.compile(r".{20,}", re.DOTALL))


def test_a_collector_without_records_says_how_to_begin(visit: Visit, collector: CollectorProcess) -> None:
    """The first look, before anything was logged, shows how to log."""
    logs = visit(collector.url)
    logs.open()
    expect(logs.page.locator("#notice")).to_contain_text("pylogtap")


def test_keys(visit: Visit, shop: CollectorProcess) -> None:
    """Search, records, patterns, help and themes are reached without a mouse."""
    logs = visit(shop.url)
    logs.open()
    keyboard = logs.page.keyboard
    keyboard.press("/")
    expect(logs.page.locator("#query")).to_be_focused()
    keyboard.press("Escape")
    keyboard.press("k")
    keyboard.press("Enter")
    expect(logs.detail).to_be_visible()
    first = logs.detail.locator("time").first.inner_text()
    keyboard.press("k")
    expect(logs.detail.locator("time").first).not_to_have_text(first)
    keyboard.press("Escape")
    expect(logs.detail).to_be_hidden()
    keyboard.press("E")
    expect(logs.page.locator("#records .row.is-current, #records [aria-selected=true]")).to_contain_text(
        "charge failed"
    )
    keyboard.press("p")
    expect(logs.page.locator("#patterns-panel")).to_be_visible()
    keyboard.press("?")
    expect(logs.page.locator("#help-dialog")).to_be_visible()
    keyboard.press("Escape")
    keyboard.press("t")
    assert logs.page.evaluate("document.documentElement.dataset.theme") == "dark"
    logs.page.reload()
    assert logs.page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read(visit: Visit, shop: CollectorProcess, dark: bool) -> None:
    """In both themes text on its ground has a contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3)."""
    logs = visit(shop.url, dark=dark)
    logs.open()
    expect(logs.rows.first).to_be_visible()
    ratios = contrasts(logs.page, TEXTS)
    assert ratios
    assert {name: round(ratio, 2) for name, ratio in ratios.items() if ratio < 4.5} == {}


TEXTS = (
    ".row .message",
    ".row time",
    ".row .level",
    ".row .extras",
    ".row .prefix",
    ".prefix-service",
    ".facet-name",
    ".facet-text",
    ".facet-count",
    "#range-text",
    "#tab-patterns",
)


def test_controls_have_names(visit: Visit, shop: CollectorProcess) -> None:
    """Every button, link and field says what it is to those who do not see it."""
    logs = visit(shop.url)
    logs.open()
    logs.page.keyboard.press("k")
    logs.page.keyboard.press("Enter")
    expect(logs.detail).to_be_visible()
    nameless = logs.page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input, textarea, [role=tab]")]
        .filter((each) => each.offsetParent && !(each.getAttribute("aria-label") || each.innerText.trim()
          || each.title || each.labels?.length)).map((each) => each.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_focus_is_seen(visit: Visit, shop: CollectorProcess) -> None:
    """Whatever the Tab key comes to has a mark around it, and it comes to the list of records."""
    logs = visit(shop.url)
    logs.open()
    expect(logs.rows.first).to_be_visible()
    reached, unmarked = set(), []
    for _ in range(60):
        logs.page.keyboard.press("Tab")
        name, marked = logs.page.evaluate(
            """() => {
              const at = document.activeElement;
              const styles = [at, at.closest(".search-box") ?? at].map((each) => getComputedStyle(each));
              const marked = styles.some((s) => s.outlineStyle !== "none" || s.boxShadow !== "none");
              return [at.id || at.getAttribute("aria-label") || at.tagName, marked];
            }"""
        )
        reached.add(name)
        if not marked and name != "BODY":
            unmarked.append(name)
    assert unmarked == []
    assert {"query", "range", "live", "theme", "help", "tab-records", "records", "download"} <= reached


def test_the_dark_theme_is_one(visit: Visit, shop: CollectorProcess) -> None:
    """Every colour is the same whether darkness is chosen here or preferred by the system."""
    read = """() => {
      const style = getComputedStyle(document.documentElement);
      return Object.fromEntries([...style].filter((name) => name.startsWith("--"))
        .map((name) => [name, style.getPropertyValue(name)]));
    }"""
    preferred = visit(shop.url, dark=True)
    preferred.open()
    chosen = visit(shop.url)
    chosen.open()
    light = chosen.page.evaluate(read)
    chosen.page.click("#theme")
    dark = chosen.page.evaluate(read)
    assert dark == preferred.page.evaluate(read)
    assert dark.keys() == light.keys() != set()
    assert dark["--bg"] != light["--bg"]


def test_a_narrow_screen(visit: Visit, shop: CollectorProcess) -> None:
    """On a phone nothing sticks out, and the filters open on demand."""
    logs = visit(shop.url, width=390, height=800)
    logs.open()
    expect(logs.rows.last).to_be_visible()
    assert logs.page.evaluate("document.documentElement.scrollWidth") <= 390
    expect(logs.page.locator("#facets")).to_be_hidden()
    logs.page.click("#filters")
    expect(logs.page.locator("#facets")).to_be_visible()
