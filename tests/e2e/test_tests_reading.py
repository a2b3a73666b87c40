"""The page of tests for everybody: text of strangers, contrast in both themes, a narrow screen."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pylogtap import wire
from pylogtap.cases.identity import case_id
from tests.support.contrast import contrasts
from tests.support.shop import SCRIPT, deliver
from tests.support.shop_suites import ToldRun, run_of
from tests.support.tests_page import CASE, RUN, detail, group, listed, suite

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit
    from tests.support.browser import LogsPage

pytestmark = pytest.mark.browser
HOSTILE = f"tests/{SCRIPT}.py::test_\u202e\x00\x1b[2J{'x' * 1900}"


def test_what_is_told_stays_text(visit: Visit, collector: CollectorProcess) -> None:
    """Markup, characters that turn text, escape sequences and giants are text wherever they are shown."""
    run = ToldRun(run_of("hostile", 0), "shop/hostile/tests")
    text = f"{SCRIPT}\u202e\x00\x1b]8;;javascript:alert(1)\x07{'y' * 10_000}"
    short = text[:200]
    facts = {
        **dict.fromkeys(("runner", "branch", "platform", "host", "python", "seed"), short),
        "command": text[:900],
        "ci": {"url": "javascript:document.title='owned'", short: short},
        "plugins": {short: short},
    }
    failure = {"type": SCRIPT, "message": text, "stacktrace": text, "file": short}
    case = {
        "id": case_id(run.run, "hostile"), "node": HOSTILE, "outcome": "failed", "done": True,
        "duration": 1.0, "failure": failure, "output": {short: text}, "markers": [short],
        "parameters": {short: short},
        "fixtures": {short: 0.1}, "properties": [[short, short]], "reason": text, "worker": short,
        "attempts": [{"outcome": "failed", "duration": 1.0, "failure": failure}],
        "subtests": [{"name": text, "outcome": "failed", "failure": failure}], "subtest_count": 1,
    }  # fmt: skip
    run.tell(wire.TEST_BEGIN, facts, when=time.time_ns())
    run.tell(wire.TEST_CASE, case, when=time.time_ns())
    run.tell(
        wire.TEST_END, {"outcome": "failed", "exit": 1, "duration": 2.0, "reason": text}, when=time.time_ns()
    )
    deliver(collector.url, run)
    page = visit(collector.url)
    page.open("/tests")
    expect(suite(page, "hostile")).to_contain_text("<img src=x")
    check_inert(page)
    page.open("/tests", run=run.run)
    expect(listed(page)).to_contain_text("<U+202E>")
    page.page.get_by_role("button", name="All facts").click()
    check_inert(page)
    expect(page.page.locator(".run-reason")).to_contain_text("<U+202E>")
    listed(page).click()
    expect(page.page.locator("#detail .case-node")).to_contain_text("<U+202E>")
    expect(page.page.locator("#detail .captured")).to_contain_text("<img src=x onerror=")
    for part in page.page.locator("#detail button.part").all():
        part.click()
    expect(page.page.locator("#detail .parts .exception")).to_have_count(2)
    check_inert(page)
    for tab in ("tests", "flaky", "slow", "failures"):
        page.open("/tests", tab=tab)
        expect(page.page.locator(".rows:not([aria-busy])")).to_be_visible()
        check_inert(page)
    page.open(
        "/tests", run=SCRIPT, case=SCRIPT, test=SCRIPT, state=SCRIPT, branch=SCRIPT, project=SCRIPT[:60]
    )
    expect(page.page.locator("#tests")).to_contain_text("No runs here")
    check_inert(page)


def check_inert(page: LogsPage) -> None:
    """Check that nothing became an element, a link elsewhere, or has run."""
    expect(page.page.locator("#tests img, #tests script, #detail img, #detail script")).to_have_count(0)
    expect(page.page.locator('a[href^="javascript"]')).to_have_count(0)
    expect(page.page).not_to_have_title(re.compile("owned"))


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read(visit: Visit, suites: CollectorProcess, dark: bool) -> None:
    """In both themes text has a contrast of 4.5 : 1 or more, and what is drawn of states 3 : 1 (WCAG 2.2)."""
    page = visit(suites.url, dark=dark)
    page.open("/tests")
    expect(suite(page, "checkout")).to_contain_text("1 new failure")
    found = contrasts(page.page, TEXTS, {".cell": "--state"})
    page.open("/tests", run=RUN, case=CASE)
    expect(group(page, "slower")).to_be_visible()
    expect(detail(page, "History")).to_be_visible()
    found |= contrasts(page.page, TEXTS, {".cell": "--state"})
    assert {".tag", ".case-why", ".sign", ".number-word", ".cell"} <= found.keys()
    drawn = {".sign", ".cell"}
    low = {name: round(ratio, 2) for name, ratio in found.items() if ratio < (3 if name in drawn else 4.5)}
    assert low == {}


TEXTS = (
    ".tag",
    ".place-service",
    ".place-project",
    ".suite-words",
    ".number-word",
    ".revision",
    ".sign",
    ".elapsed",
    ".node-file",
    ".node-name",
    ".case-why",
    ".case-time",
    ".cell",
    ".state-filter",
    ".facts dt",
    ".fact-value",
    ".soft",
    ".choice",
    ".context-line time",
    ".line-service",
    ".captured",
    ".more",
    ".test-tabs a",
    ".top-nav a",
    ".run-words",
    ".group h3",
)


VIEWS: dict[str, dict[str, str | int]] = {
    "services": {},
    "run": {"run": RUN},
    "case": {"run": RUN, "case": CASE},
    "test": {"test": 1},
    **{tab: {"tab": tab} for tab in ("tests", "flaky", "slow", "failures")},
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_narrow_screen(visit: Visit, suites: CollectorProcess, view: dict[str, str | int]) -> None:
    """On a phone nothing sticks out, and every control has a name."""
    page = visit(suites.url, width=390, height=844)
    page.open("/tests", **view)
    expect(page.page.locator(".suite, .rows li, .run-head").first).to_be_attached()
    expect(page.page.locator(".loading, [aria-busy]")).to_have_count(0)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = """() => [...document.querySelectorAll("main *, #detail *, header *, .test-bar *")]
      .filter((each) => each.checkVisibility() && !each.closest("pre, svg, .durations, .unseen, .node")
      && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.className)"""
    assert page.page.evaluate(wide) == []
    nameless = """() => [...document.querySelectorAll("button, a[href], input, select")]
      .filter((each) => each.checkVisibility() && !(each.getAttribute("aria-label") || each.innerText.trim()
        || each.title || each.labels?.length)).map((each) => each.outerHTML.slice(0, 120))"""
    assert page.page.evaluate(nameless) == []
