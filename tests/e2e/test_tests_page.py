"""The page of tests: services, runs, cases and tests over time, of a real collector in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.shop_suites import FLAKY, NEW, SLOWER
from tests.support.tests_page import CASE, RUN, detail, group, listed, suite

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit

pytestmark = pytest.mark.browser


def test_services_with_their_newest_runs(visit: Visit, suites: CollectorProcess) -> None:
    """Each service shows its newest run, what failed anew, and its last runs; a chosen one lists all."""
    page = visit(suites.url)
    page.open("/tests")
    expect(page.page.locator(".suite")).to_have_count(3)
    checkout = suite(page, "checkout")
    expect(checkout).to_contain_text("1 new failure")
    expect(checkout.locator(".suite-words")).to_contain_text("main")
    expect(checkout.locator(".number").first).to_have_attribute("title", "2 failed")
    expect(checkout.locator(".cell")).to_have_count(24)
    expect(checkout.locator(".cell").last).to_have_class(re.compile("is-failed"))
    expect(suite(page, "storefront").locator(".sign").first).to_have_class(re.compile("is-running"))
    page.page.get_by_label("Service").select_option("shop/payments")
    expect(page.page).to_have_url(re.compile(r"project=shop&service=payments"))
    expect(page.page.locator(".suite")).to_have_count(1)
    expect(page.page.locator(".run-row")).to_have_count(24)
    page.page.go_back()
    expect(page.page.locator(".suite")).to_have_count(3)
    page.page.get_by_label("Branch").select_option("main")
    expect(page.page).to_have_url(re.compile(r"branch=main"))
    expect(page.page.locator(".suite")).to_have_count(3)


def test_a_run_says_what_is_new(visit: Visit, suites: CollectorProcess) -> None:
    """The report groups what is new and what is not; all cases are searched and filtered below it."""
    page = visit(suites.url)
    page.open("/tests", run=RUN)
    expect(group(page, "new_failures").locator(".case")).to_have_count(1)
    expect(group(page, "new_failures")).to_contain_text("assert 909 == 900")
    expect(group(page, "still_failing")).to_contain_text("test_refund_is_booked_once")
    expect(group(page, "fixed")).to_contain_text("test_receipt_is_sent")
    expect(group(page, "slower")).to_contain_text("test_suggestions")
    expect(page.page.locator("[data-group]").nth(0)).to_have_attribute("data-group", "new_failures")
    expect(page.page.locator("[data-group]").nth(1)).to_have_attribute("data-group", "still_failing")
    expect(page.page.locator(".facts")).to_contain_text("pytest --pylogtap tests")
    expect(page.page.locator(".facts a.ci")).to_have_attribute("href", "https://ci.example/shop/1042")
    page.page.get_by_role("button", name="All facts").click()
    expect(page.page.locator(".facts")).to_contain_text("pytest-xdist 3.8.0")
    page.page.get_by_label("Search cases by name").fill("TEST_RATE")
    expect(listed(page)).to_have_count(7)
    expect(page.page).to_have_url(re.compile("q=TEST_RATE"))
    page.page.get_by_label("Search cases by name").fill("")
    page.page.get_by_role("button", name="failed: 2", exact=True).click()
    expect(listed(page)).to_have_count(2)
    page.page.reload()
    expect(listed(page)).to_have_count(2)
    expect(page.page.get_by_role("button", name="failed: 2", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_failing_case_shows_why(visit: Visit, suites: CollectorProcess) -> None:
    """A case shows its traceback, its output, where the time went, and what other services logged for it."""
    page = visit(suites.url)
    page.open("/tests", run=RUN)
    group(page, "new_failures").locator(".case").click()
    expect(page.page).to_have_url(re.compile(f"case={CASE}"))
    expect(page.page.locator("#detail .stack").first).to_contain_text("assert cart.total() == 900")
    lines = detail(page, "Log lines")
    expect(lines.locator(".context-line")).to_have_count(4)
    expect(lines).to_contain_text("4 lines of 2 services")
    expect(lines.locator(".context-line").last).to_contain_text("payments")
    expect(lines.locator(".context-line").last).to_contain_text("fee asked for twice")
    expect(detail(page, "Captured output")).to_contain_text("pricing: fee of payments is included")
    expect(detail(page, "Where the time went")).to_contain_text("database")
    expect(detail(page, "Fields")).to_contain_text("SHOP-17")
    expect(detail(page, "History").locator(".cell")).to_have_count(24)
    expect(page.page.locator("#detail .tag").first).to_have_text("new failure")
    page.page.go_back()
    expect(page.page.locator("#detail")).to_be_hidden()
    page.page.go_forward()
    expect(page.page.locator("#detail .stack").first).to_be_visible()


def test_from_the_logs_and_back(visit: Visit, suites: CollectorProcess) -> None:
    """A case leads to its lines in the logs; a line leads to its case, which stands beside its run."""
    page = visit(suites.url)
    page.open("/tests", case=CASE)
    expect(page.page).to_have_url(re.compile(f"run={RUN}"))
    expect(listed(page).first).to_be_attached()
    detail(page, "Log lines").get_by_text("Open in logs").click()
    expect(page.page.locator("#query")).to_have_value(f"test:{CASE}")
    expect(page.rows).to_have_count(4)
    page.row("fee asked for twice").click()
    page.detail.get_by_role("link", name="the test", exact=True).click()
    expect(page.page.locator("#detail .case-node")).to_have_text(NEW)
    page.page.get_by_role("navigation", name="Pages").get_by_text("Logs").click()
    expect(page.rows.first).to_be_visible()
    page.page.get_by_role("navigation", name="Pages").get_by_text("Tests").click()
    expect(page.page.locator(".suite")).to_have_count(3)


def test_a_test_over_time(visit: Visit, suites: CollectorProcess) -> None:
    """A test shows what became of it, how long it took, why it counts as flaky or slower; cases unfold."""
    page = visit(suites.url)
    flaky = suites.get("/api/v1/tests", node=FLAKY)["items"][0]["id"]
    page.open("/tests", test=flaky)
    expect(page.page.locator("#tests h1")).to_have_text(FLAKY)
    expect(page.page.get_by_label("What became of it, oldest first").locator(".cell")).to_have_count(24)
    expect(page.page.locator(".durations canvas")).to_be_visible()
    expect(page.page.get_by_label("Why it counts as flaky")).to_contain_text("gave both outcomes")
    page.page.locator(".rows .case.is-failed").first.click()
    expect(page.page.locator("#detail .exception")).to_contain_text("TimeoutError")
    expect(page.page).to_have_url(re.compile(f"case=[0-9a-f]{{32}}&test={flaky}"))
    slower = suites.get("/api/v1/tests", node=SLOWER)["items"][0]["id"]
    page.open("/tests", test=slower)
    expect(page.page.get_by_label("Why it counts as slower")).to_contain_text("all at once since this run")


def test_lists_of_a_service(visit: Visit, suites: CollectorProcess) -> None:
    """Flaky, slow and all tests, and what failures have in common, are listed for one service."""
    page = visit(suites.url)
    page.open("/tests", project="shop", service="checkout")
    lists = page.page.get_by_role("navigation", name="Lists")
    lists.get_by_text("Flaky").click()
    expect(page.page.locator(".test-row")).to_have_count(1)
    expect(page.page.locator(".test-row")).to_contain_text("test_reservation_expires")
    lists.get_by_text("Slow").click()
    expect(page.page.locator(".test-row").first).to_contain_text("test_suggestions")
    lists.get_by_text("Failures").click()
    expect(page.page.locator(".failure-group").first).to_contain_text("the reservation of order")
    lists.get_by_text("Tests", exact=True).click()
    page.page.get_by_label("Search tests by name").fill("test_rate")
    expect(page.page.locator(".test-row")).to_have_count(7)
    page.page.locator(".test-row").first.click()
    expect(page.page.locator("#tests h1")).to_contain_text("test_rate")


def test_the_keyboard_is_enough(visit: Visit, suites: CollectorProcess) -> None:
    """Cases, search, filters, cells of the history and the way up are reached without a mouse."""
    page = visit(suites.url)
    page.open("/tests", run=RUN)
    expect(listed(page).first).to_be_attached()
    keyboard = page.page.keyboard
    keyboard.press("f")
    expect(page.page).to_have_url(re.compile("state=failed%2Cerror"))
    expect(listed(page)).to_have_count(2)
    keyboard.press("j")
    expect(page.page.locator("[role=option][aria-selected=true]")).to_have_count(1)
    keyboard.press("Enter")
    expect(page.page.locator("#detail .case-node")).to_be_visible()
    first = page.page.locator("#detail .case-node").inner_text()
    keyboard.press("j")
    expect(page.page.locator("#detail .case-node")).not_to_have_text(first)
    page.page.get_by_label("The last runs, oldest first").locator("[tabindex='0']").focus()
    keyboard.press("ArrowLeft")
    expect(page.page.locator("#detail .cell:focus")).to_have_attribute("tabindex", "0")
    keyboard.press("Escape")
    expect(page.page.locator("#detail")).to_be_hidden()
    keyboard.press("/")
    expect(page.page.get_by_label("Search cases by name")).to_be_focused()
    keyboard.press("Escape")
    keyboard.press("?")
    expect(page.page.locator("#help-dialog")).to_contain_text("failures alone, or all")
    keyboard.press("Escape")
    keyboard.press("Escape")
    expect(page.page.locator(".suite")).to_have_count(3)
    keyboard.press("t")
    expect(page.page.locator("html")).to_have_attribute("data-theme", "dark")
