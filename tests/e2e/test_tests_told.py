"""What the page of tests says of unusual runs: first ones, killed ones, those with very many failures."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pylogtap import wire
from pylogtap.cases.identity import case_id
from tests.support.shop import deliver
from tests.support.shop_suites import NEW, ToldRun, run_of
from tests.support.tests_page import CASE, RUN, detail, group, listed, suite, tell

if TYPE_CHECKING:
    from typing import Any

    from playwright.sync_api import Page

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit

pytestmark = pytest.mark.browser
TURN = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
MANY = 203
SECOND_NS = 1_000_000_000


def short_run(service: str, age: int, cases: dict[str, str | None], end: str | None = "passed") -> ToldRun:
    """
    Return a run.

    Args:
        service: Of the shop.
        age: How many seconds ago it began.
        cases: Outcomes by node; None: it has begun.
        end: Outcome of the run; None: it goes on.
    """
    run = ToldRun(run_of(service, age), f"shop/{service}/tests")
    when = time.time_ns() - age * SECOND_NS
    begin = {"runner": "pytest", "collected": len(cases), "commit": f"{age:040x}", "branch": "main"}
    run.tell(wire.TEST_BEGIN, begin, when=when)
    for node, outcome in cases.items():
        facts: dict[str, Any] = {"id": case_id(run.run, node), "node": node, "started": when}
        if outcome is None:
            run.tell(wire.TEST_START, facts, when=when)
            continue
        facts |= {"outcome": outcome, "duration": 0.5, "done": True}
        run.tell(wire.TEST_CASE, facts, when=when)
    if end is not None:
        run.tell(wire.TEST_END, {"outcome": end, "exit": 0, "duration": 1.0}, when=when + SECOND_NS)
    return run


def turn(page: Page, *, hidden: bool) -> None:
    """Let the page think that its tab was left, or is looked at again."""
    page.evaluate(TURN, hidden)


def test_a_new_run_shows_within_two_seconds(visit: Visit, collector: CollectorProcess) -> None:
    """Where nothing runs, a new run shows two seconds later; in a tab that was left, when it is back."""
    deliver(collector.url, short_run("old", 60, {"test_a": "passed"}))
    page = visit(collector.url)
    page.page.clock.install()
    page.open("/tests")
    expect(suite(page, "old")).to_be_visible()
    turn(page.page, hidden=True)
    page.page.clock.pause_at(time.time() + 600)
    deliver(collector.url, short_run("fresh", 30, {"test_a": "passed"}))
    page.page.clock.run_for(20_000)
    expect(suite(page, "fresh")).to_have_count(0)
    turn(page.page, hidden=False)
    expect(suite(page, "fresh")).to_be_visible()
    deliver(collector.url, short_run("newest", 10, {"test_a": "passed"}))
    page.page.clock.run_for(2_000)
    expect(suite(page, "newest")).to_be_visible()


def test_a_row_opens_its_newest_run(visit: Visit, suites: CollectorProcess) -> None:
    """A click on a row opens its newest run; what runs stands on top; the way back is by the service."""
    page = visit(suites.url)
    page.open("/tests")
    expect(page.page.locator(".suite").first).to_have_attribute("data-place", "shop/storefront")
    suite(page, "checkout").locator(".suite-name").click()
    expect(page.page).to_have_url(re.compile(f"run={RUN}"))
    page.page.go_back()
    suite(page, "checkout").locator(".suite-words time").click()
    expect(page.page).to_have_url(re.compile(f"run={RUN}"))
    crumbs = page.page.locator("#crumbs")
    expect(crumbs).to_have_text("All services/shop/checkout/Run")
    crumbs.get_by_text("shop/checkout").click()
    expect(page.page).to_have_url(re.compile(r"project=shop&service=checkout$"))
    expect(page.page.locator(".run-row")).to_have_count(24)


def test_commits_stand_beside_what_they_changed(visit: Visit, suites: CollectorProcess) -> None:
    """The run compared with, failures, and cells of a history name commits; times there are whole seconds."""
    page = visit(suites.url)
    page.open("/tests", run=RUN)
    other = page.page.locator(".other-run")
    expect(other).to_have_text(re.compile(r"the run of [-\d]{10} [\d:]{8} \S+[0-9a-f]{8}\+?.*main"))
    expect(group(page, "still_failing").locator(".since")).to_have_text(re.compile("^since [0-9a-f]{8}$"))
    page.page.keyboard.press("f")
    expect(listed(page, "test_refund_is_booked_once").locator(".since")).to_be_attached()
    expect(group(page, "fixed").locator(".since")).to_have_count(0)
    known = suites.get(f"/api/v1/tests/runs/{RUN}")
    page.open("/tests", case=CASE)
    cell = detail(page, "History").locator(".cell").last
    expect(cell).to_have_attribute("title", re.compile(f"failed · .* · {known['commit'][:8]} · main · "))
    page.open("/tests", test=suites.get("/api/v1/tests", node=NEW)["items"][0]["id"])
    expect(page.page.locator(".over-runs .cell").last).to_have_attribute("title", re.compile(" · main · "))


def test_cases_of_a_killed_run_are_counted(visit: Visit, collector: CollectorProcess) -> None:
    """What had begun when a run was cut short is counted, and has a filter of its own."""
    run = short_run("killed", 5, {"test_a": "passed", "test_b": "passed", "test_c": None}, None)
    deliver(collector.url, run)
    page = visit(collector.url)
    page.open("/tests", run=run.run)
    expect(listed(page, "test_c")).to_have_class(re.compile("is-running"))
    tell(collector, run, wire.TEST_END, {"outcome": "interrupted", "exit": 2, "duration": 5.0})
    expect(listed(page, "test_c")).to_have_class(re.compile("is-interrupted"))
    expect(listed(page)).to_have_count(3)
    expect(page.page.locator(".run-words")).to_contain_text("3 cases")
    expect(page.page.locator(".run-counts").get_by_title("1 interrupted")).to_be_visible()
    page.page.get_by_role("button", name="interrupted: 1").click()
    expect(listed(page)).to_have_count(1)
    expect(listed(page)).to_contain_text("test_c")


def test_a_first_run_has_nothing_to_compare_with(visit: Visit, collector: CollectorProcess) -> None:
    """All cases of a first run are new, which is no news; its failures are listed all the same."""
    run = short_run("first", 5, {"test_a": "passed", "test_b": "failed"}, "failed")
    deliver(collector.url, run)
    page = visit(collector.url)
    page.open("/tests", run=run.run)
    expect(page.page.locator(".report")).to_contain_text("First run: nothing to compare with")
    expect(group(page, "new_failures")).to_contain_text("test_b")
    expect(group(page, "new")).to_have_count(0)


def test_a_group_says_that_it_is_not_whole(visit: Visit, collector: CollectorProcess) -> None:
    """Of more than two hundred findings, two hundred are listed, and it says so."""
    deliver(collector.url, short_run("large", 60, {"test_a": "passed"}))
    run = short_run("large", 5, {f"test_{number}": "failed" for number in range(MANY)}, "failed")
    deliver(collector.url, run)
    page = visit(collector.url)
    page.open("/tests", run=run.run)
    group(page, "new_failures").get_by_role("button", name="192 of 195 more").click()
    expect(group(page, "new_failures").locator(".case")).to_have_count(200)
    expect(group(page, "new_failures").locator(".shown")).to_have_text("200 of 203 shown")
