"""Runs that go on while somebody looks at the page of tests, many cases, and who sees what."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pylogtap import wire
from pylogtap.cases.identity import case_id
from tests.e2e.test_account import signed_in
from tests.support.accounts import PASSWORD, add_user, ask, set_up
from tests.support.shop import deliver, line_segment
from tests.support.shop_suites import ToldRun, run_of, running_suite, shop_suites
from tests.support.tests_page import CASE, RUN, detail, group, listed, suite, tell

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit

pytestmark = pytest.mark.browser
MANY = 20_000
SUITE = """
import logging, pathlib, time

def test_waits():
    logging.getLogger("shop").warning("waiting for %s", "a sign")
    while not pathlib.Path("go").exists():
        time.sleep(0.05)

def test_sum():
    assert 3 == 4
"""


def test_a_collector_without_runs_says_how_to_begin(visit: Visit, collector: CollectorProcess) -> None:
    """Before any test ran, the page shows how to run them; it shows the first run without a reload."""
    page = visit(collector.url)
    page.open("/tests")
    expect(page.page.locator("#notice")).to_contain_text("pytest --pylogtap")
    deliver(collector.url, running_suite(time.time_ns()))
    expect(suite(page, "storefront")).to_be_visible()
    expect(page.page.locator("#notice")).to_be_hidden()


def test_a_run_is_followed(visit: Visit, collector: CollectorProcess) -> None:
    """A case appears when it starts, shows for how long it runs, and how it ended; the run ends by itself."""
    run = ToldRun(run_of("live", 0), "shop/live/tests")
    node = "tests/test_slow.py::test_patience"
    case = {"id": case_id(run.run, node), "node": node, "started": time.time_ns()}
    run.tell(wire.TEST_BEGIN, {"runner": "pytest", "collected": 2}, when=time.time_ns())
    deliver(collector.url, run)
    page = visit(collector.url)
    page.open("/tests", run=run.run)
    expect(page.page.locator(".run-state")).to_have_text("running")
    expect(page.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "0")
    tell(collector, run, wire.TEST_START, case)
    expect(listed(page, "test_patience").locator(".elapsed")).to_be_visible()
    listed(page, "test_patience").click()
    expect(page.page.locator("#detail .state-word")).to_have_text("running")
    failure = {"type": "ValueError", "message": "out of patience", "stacktrace": "tests/test_slow.py:3"}
    ended = {**case, "outcome": "failed", "duration": 1.5, "failure": failure, "done": True}
    tell(collector, run, wire.TEST_CASE, ended)
    expect(page.page.locator("#detail .exception")).to_contain_text("out of patience")
    expect(listed(page, "test_patience")).to_have_class(re.compile("is-failed"))
    expect(page.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "50")
    tell(collector, run, wire.TEST_END, {"outcome": "failed", "exit": 1, "duration": 2.0})
    expect(page.page.locator(".run-state")).to_have_text("failed")
    expect(group(page, "new_failures")).to_contain_text("out of patience")


def test_the_plugin_is_followed(visit: Visit, collector: CollectorProcess, tmp_path: Path) -> None:
    """What pytest runs with our plugin is seen while it runs, with what tests log, and when it has ended."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "test_shop.py").write_text(SUITE)
    where = (f"--pylogtap-url={collector.url}", "--pylogtap-prefix=shop/plugin/tests")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pylogtap", *where)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    spool = {"PYLOGTAP_SPOOL_DIR": str(tmp_path / "spool")}
    page = visit(collector.url)
    page.open("/tests")
    with subprocess.Popen(command, cwd=folder, env=environment | spool, stdout=subprocess.DEVNULL) as running:
        suite(page, "plugin").locator(".suite-run").click()
        expect(page.page.locator(".run-state")).to_have_text("running")
        expect(listed(page, "test_waits").locator(".elapsed")).to_be_visible()
        listed(page, "test_waits").click()
        expect(detail(page, "Log lines")).to_contain_text("waiting for a sign")
        (folder / "go").touch()
        expect(page.page.locator("#detail .state-word")).to_have_text("passed")
        assert running.wait(timeout=60) == 1
    expect(page.page.locator(".run-state")).to_have_text("failed")
    group(page, "new_failures").locator(".case").click()
    expect(page.page.locator("#detail .stack").first).to_contain_text("assert 3 == 4")
    expect(detail(page, "Log lines")).to_contain_text("test_sum failed")


def test_a_collector_that_is_away_is_told(visit: Visit, collector: CollectorProcess) -> None:
    """While a run is followed and the collector is away, the page says so, and goes on when it is back."""
    deliver(collector.url, running_suite(time.time_ns()))
    page = visit(collector.url)
    page.open("/tests", run=run_of("storefront", 0))
    expect(listed(page)).to_have_count(7)
    collector.kill()
    expect(page.page.locator("#banner")).to_contain_text("does not answer")
    collector.start()
    expect(page.page.locator("#banner")).to_be_hidden()
    run = ToldRun(run_of("storefront", 0), "shop/storefront/tests")
    tell(
        collector, run, wire.TEST_CASE, {"id": "a" * 32, "node": "late.js", "outcome": "passed", "done": True}
    )
    expect(listed(page, "late.js")).to_be_visible()


def test_many_cases_need_few_elements(visit: Visit, collector: CollectorProcess) -> None:
    """Of twenty thousand cases those in view exist; the first ones are reached, and single ones found."""
    run = run_of("many", 0)
    for first in range(0, MANY, 2_500):
        part = ToldRun(run, "shop/many/tests")
        if not first:
            part.tell(wire.TEST_BEGIN, {"runner": "pytest", "collected": MANY}, when=time.time_ns())
        for number in range(first, first + 2_500):
            node = f"tests/test_many.py::test_one[{number}]"
            bad = number % 5_000 == 17
            facts = {
                "id": case_id(run, node),
                "node": node,
                "outcome": "failed" if bad else "passed",
                "done": True,
            }
            part.tell(wire.TEST_CASE, {**facts, "duration": 0.01}, when=time.time_ns())
        deliver(collector.url, part)
    ending = ToldRun(run, "shop/many/tests")
    ending.tell(wire.TEST_END, {"outcome": "failed", "exit": 1, "duration": 9.0}, when=time.time_ns())
    deliver(collector.url, ending)
    page = visit(collector.url)
    page.open("/tests", run=run)
    expect(page.page.locator(".run-words")).to_contain_text("20,000 cases")
    expect(listed(page, "[19999]")).to_be_attached()
    scroll = "document.getElementById('tests').scrollTop = 1e9"
    for _ in range(12):
        before = page.page.locator(".case-list .track").evaluate("track => track.offsetHeight")
        page.page.evaluate(scroll)
        page.page.wait_for_function(
            "before => document.querySelector('.case-list .track').offsetHeight > before", arg=before
        )
    expect(listed(page)).not_to_have_count(0)
    assert listed(page).count() < 120
    page.page.get_by_label("Search cases by name").fill("one[17]")
    expect(listed(page)).to_have_count(1)
    page.page.get_by_label("Search cases by name").fill("")
    page.page.get_by_role("button", name="failed: 4").click()
    expect(listed(page)).to_have_count(4)


def test_others_see_nothing_of_a_project(visit: Visit, collector: CollectorProcess) -> None:
    """Who reads another project sees neither services nor runs nor cases of this one; its readers do."""
    for segment in shop_suites():
        deliver(collector.url, segment)
    deliver(collector.url, line_segment("of the bank", prefix="bank/books/b-1"))
    cookie = set_up(collector)
    add_user(collector, cookie, "vera", bank="viewer")
    add_user(collector, cookie, "max", shop="viewer")
    vera = signed_in(visit(collector.url), "vera", PASSWORD, "/tests")
    expect(vera.page.locator("#notice")).to_contain_text("No tests have run yet")
    vera.open("/tests", run=RUN)
    expect(vera.page.locator("#tests")).to_contain_text("This run is not stored")
    vera.open("/tests", case=CASE)
    expect(vera.page.locator("#detail")).to_contain_text("This case is not stored")
    vera.open("/tests", tab="failures")
    expect(vera.page.locator(".rows")).to_contain_text("No failures here")
    expect(vera.page.locator("body")).not_to_contain_text("checkout")
    reader = signed_in(visit(collector.url), "max", PASSWORD, "/tests")
    expect(suite(reader, "checkout")).to_be_visible()
    assert ask(collector, "GET", f"/tests/runs/{RUN}").status == 401
    stranger = visit(collector.url)
    stranger.open("/tests", run=RUN)
    expect(stranger.page).to_have_url(re.compile("/sign-in"))
