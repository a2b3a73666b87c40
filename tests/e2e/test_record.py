"""One record unfolded: exception, context, labels, note; and whatever a log may hold stays text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.accounts import NAME, PASSWORD, add_user, set_up
from tests.support.shop import SCRIPT, deliver, line_segment, shop_segments

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Route

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit

pytestmark = pytest.mark.browser


def test_a_record_with_its_exception_and_context(visit: Visit, shop: CollectorProcess) -> None:
    """Unfolded, a record shows its stack, its fields and the lines around it."""
    logs = visit(shop.url)
    logs.open(q="has:exception")
    logs.rows.last.click()
    expect(logs.detail.locator(".exception-type")).to_have_text("GatewayTimeout")
    expect(logs.detail.locator(".stack")).to_contain_text("return bank.ask(cents)")
    expect(logs.detail).to_contain_text("/srv/pay.py:42")
    around = logs.detail.locator(".context")
    expect(around).to_contain_text("charged")
    around.get_by_text("charged").first.click()
    expect(logs.detail.locator(".exception-type")).to_have_count(0)
    expect(logs.detail.locator(".detail-message")).to_have_text("charged")


def test_a_link_opens_the_record(visit: Visit, shop: CollectorProcess) -> None:
    """The address of an unfolded record shows it to somebody else."""
    logs = visit(shop.url)
    logs.open(q="has:exception")
    logs.rows.first.click()
    expect(logs.detail.locator(".exception-type")).to_be_visible()
    expect(logs.page).to_have_url(re.compile(r"[?&]log=\d+"))
    other = visit(shop.url)
    other.page.goto(logs.page.url)
    expect(other.detail.locator(".exception-type")).to_have_text("GatewayTimeout")


def test_filters_from_a_field(visit: Visit, shop: CollectorProcess) -> None:
    """A field's plus searches for its value."""
    logs = visit(shop.url)
    logs.open(q="order:1019")
    logs.rows.first.click()
    logs.detail.get_by_label("Only request").first.click(force=True)
    expect(logs.page.locator("#query")).to_have_value(re.compile("^order:1019 request:00024bbd ?$"))


def test_labels_and_notes_are_kept(visit: Visit, collector: CollectorProcess) -> None:
    """A label and a note are stored, shown in the list, searchable, and there for others."""
    for segment in shop_segments():
        deliver(collector.url, segment)
    logs = visit(collector.url)
    logs.open(q="order:1019")
    logs.row("charge failed").click()
    logs.detail.get_by_label("New label, as name: value").fill("cause: bank")
    logs.page.keyboard.press("Enter")
    expect(logs.detail.get_by_text("cause: bank")).to_be_visible()
    logs.detail.get_by_role("textbox", name="Note").fill("They know.")
    logs.detail.get_by_text("Save note").click()
    expect(logs.row("charge failed").locator(".chip.is-note")).to_be_visible()
    other = visit(collector.url)
    other.open(q="label.cause:bank")
    expect(other.rows).to_have_count(1)
    other.rows.first.click()
    expect(other.detail.get_by_role("textbox", name="Note")).to_have_value("They know.")
    other.detail.get_by_label("Remove label cause").click()
    expect(other.detail.get_by_text("cause: bank")).to_have_count(0)


def test_a_viewer_reads_what_editors_write(visit: Visit, collector: CollectorProcess) -> None:
    """Who may not write in a project sees labels and notes there, and nothing to change them by."""
    deliver(collector.url, line_segment("look at this", "and that"))
    cookie = set_up(collector)
    add_user(collector, cookie, "vera", shop="viewer", bank="editor")
    editor, viewer = visit(collector.url), visit(collector.url)
    for logs, name in ((editor, NAME), (viewer, "vera")):
        logs.open("/sign-in")
        logs.sign_in(name, PASSWORD)
    editor.row("look at this").click()
    editor.detail.get_by_label("New label, as name: value").fill("cause: bank")
    editor.page.keyboard.press("Enter")
    expect(editor.detail.get_by_label("Remove label cause")).to_be_visible()
    editor.detail.get_by_role("textbox", name="Note").fill("They know.")
    editor.detail.get_by_text("Save note").click()
    expect(editor.detail.get_by_text("Save note")).to_be_hidden()
    viewer.page.reload()
    viewer.row("look at this").click()
    shown = viewer.detail.get_by_role("region", name="Labels and note")
    expect(shown).to_have_text("cause: bankThey know.")
    expect(shown.locator("input, textarea, button")).to_have_count(0)
    viewer.row("and that").click()
    expect(viewer.detail.locator(".detail-message")).to_have_text("and that")
    expect(viewer.detail.locator(".annotations")).to_be_hidden()


def test_nobody_overwrites_what_he_has_not_seen(visit: Visit, collector: CollectorProcess) -> None:
    """Of two people with the same record open, the second sees the note of the first before his is kept."""
    deliver(collector.url, line_segment("look at this"))
    pages = [visit(collector.url), visit(collector.url)]
    for logs in pages:
        logs.open()
        logs.row("look at this").click()
        expect(logs.detail.locator(".context-line")).to_have_count(1)
    for logs, words in zip(pages, ("It was the bank.", "It was the moon."), strict=True):
        logs.detail.get_by_role("textbox", name="Note").fill(words)
        logs.detail.get_by_text("Save note").click()
    first, second = pages
    expect(first.detail.get_by_text("Save note")).to_be_hidden()
    expect(second.detail.get_by_role("alert")).to_contain_text("It was the bank.")
    expect(second.detail.get_by_role("textbox", name="Note")).to_have_value("It was the moon.")
    second.detail.get_by_text("Save note").click()
    expect(second.detail.get_by_text("Save note")).to_be_hidden()
    first.page.reload()
    expect(first.detail.get_by_role("textbox", name="Note")).to_have_value("It was the moon.")


def test_who_is_overtaken_sees_by_what(visit: Visit, collector: CollectorProcess) -> None:
    """A note that is stored between the page's reading and its own change is shown, not overwritten."""
    deliver(collector.url, line_segment("look at this"))
    logs = visit(collector.url)
    logs.open()
    logs.row("look at this").click()
    expect(logs.detail.locator(".context-line")).to_have_count(1)

    overtaken: list[APIResponse] = []

    def overtake(route: Route) -> None:
        answer = route.fetch()
        if not overtaken:
            headers = {"Content-Type": "application/merge-patch+json", "If-Match": answer.headers["etag"]}
            patch = '{"note": "It was the bank."}'
            overtaken.append(logs.page.request.patch(route.request.url, data=patch, headers=headers))
        route.fulfill(response=answer)

    logs.page.route("**/api/v1/logs/65536", overtake)
    logs.detail.get_by_role("textbox", name="Note").fill("It was the moon.")
    logs.detail.get_by_text("Save note").click()
    expect(logs.detail.get_by_role("alert")).to_contain_text("It was the bank.")
    expect(logs.detail.get_by_role("textbox", name="Note")).to_have_value("It was the moon.")


def test_a_change_meanwhile_is_refused(visit: Visit, collector: CollectorProcess) -> None:
    """A change between reading and writing is refused by the collector, and the page says so."""
    deliver(collector.url, line_segment("look at this"))
    logs = visit(collector.url)
    logs.open()
    logs.row("look at this").click()
    expect(logs.detail.locator(".context-line")).to_have_count(1)

    def outdated(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "etag": '"of-yesterday"'})

    logs.page.route("**/api/v1/logs/65536", outdated)
    logs.detail.get_by_role("textbox", name="Note").fill("Mine.")
    logs.detail.get_by_text("Save note").click()
    expect(logs.detail.get_by_role("alert")).to_contain_text("Not saved: It has changed")
    logs.page.unroute("**/api/v1/logs/65536")
    logs.detail.get_by_text("Save note").click()
    expect(logs.row("look at this").locator(".chip.is-note")).to_be_visible()


def test_what_is_logged_stays_text(visit: Visit, collector: CollectorProcess) -> None:
    """Markup in a message, field, logger or exception is shown as it was written, and does nothing."""
    segment = line_segment(
        SCRIPT, f"\x1b]8;;javascript:alert(1)\x07{SCRIPT}", **{"<b>key</b>": SCRIPT, "k": "\u202egnp"}
    )
    deliver(collector.url, segment)
    logs = visit(collector.url)
    logs.open()
    expect(logs.rows).to_have_count(2)
    expect(logs.rows.first).to_contain_text("<script>")
    logs.rows.first.click()
    expect(logs.detail.locator(".detail-message")).to_contain_text("<img src=x onerror=")
    logs.page.click("#tab-patterns")
    assert logs.page.title() != "owned"
    inside = "#records img, #records script, #detail img, #detail script, #patterns-panel img, #facets img"
    assert logs.page.locator(inside).count() == 0


def test_colours_of_a_terminal(visit: Visit, collector: CollectorProcess) -> None:
    """ANSI colours are colours, in the record; other escape sequences vanish."""
    deliver(collector.url, line_segment("\x1b[1;31mred\x1b[0m and \x1b[38;5;46mgreen\x1b[0m\x1b[2J done"))
    logs = visit(collector.url)
    logs.open()
    expect(logs.rows.first).to_contain_text("red and green done")
    logs.rows.first.click()
    message = logs.detail.locator(".detail-message")
    expect(message).to_have_text("red and green done")
    red = message.get_by_text("red", exact=True)
    green = message.get_by_text("green", exact=True)
    colors = [each.evaluate("each => getComputedStyle(each).color") for each in (red, green, message)]
    assert len(set(colors)) == 3


def test_a_pattern_hides_nothing(visit: Visit, collector: CollectorProcess) -> None:
    """Characters that turn the direction of text are shown in a pattern, too, and do not act."""
    deliver(collector.url, line_segment("\u202egnp.exe is a picture", "\x1b[31mred\x1b[0m alert"))
    logs = visit(collector.url)
    logs.open()
    logs.page.click("#tab-patterns")
    texts = logs.page.locator(".pattern-text")
    expect(texts).to_have_count(2)
    assert sorted(texts.all_inner_texts()) == ["<U+202E>gnp.exe is a picture", "red alert"]


@pytest.mark.parametrize(
    "message",
    [
        "x" * 100_000,
        "a\nb\n" * 2000,
        "💥" * 5000,
        "\x1b[" * 20_000,
        "({[<" * 10_000,
        "\u202e\u2066\ufeff" * 1000,
    ],
    ids=["long", "lines", "emoji", "escapes", "brackets", "directions"],
)
def test_odd_messages_do_not_stop_the_page(visit: Visit, collector: CollectorProcess, message: str) -> None:
    """A giant or odd message is listed and unfolded, and the page goes on."""
    deliver(collector.url, line_segment("before", f"odd {message}", "after"))
    logs = visit(collector.url)
    logs.open()
    expect(logs.rows).to_have_count(3)
    logs.row("odd").click()
    expect(logs.detail.locator(".detail-message")).to_contain_text("odd")
    logs.search("after")
    expect(logs.rows).to_have_count(1)
