"""The page of tests, used as people use it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap.cases.identity import case_id
from tests.support.shop import deliver
from tests.support.shop_suites import NEW, ToldRun, run_of

if TYPE_CHECKING:
    from typing import Any

    from playwright.sync_api import Locator

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.support.browser import LogsPage

RUN = run_of("checkout", 0)
CASE = case_id(RUN, NEW)


def suite(page: LogsPage, service: str) -> Locator:
    """The row of a service."""
    return page.page.locator(f'[data-place="shop/{service}"]')


def group(page: LogsPage, name: str) -> Locator:
    """A group of the report of a run."""
    return page.page.locator(f'[data-group="{name}"]')


def listed(page: LogsPage, text: str = "") -> Locator:
    """The cases in the list of all cases whose row holds a text."""
    return page.page.locator(".case-list .case").filter(has_text=text)


def detail(page: LogsPage, name: str) -> Locator:
    """A part of the case that is unfolded."""
    return page.page.locator("#detail").get_by_label(name, exact=True)


def tell(collector: CollectorProcess, run: ToldRun, event: int, facts: dict[str, Any]) -> None:
    """
    Tell of one thing more that happened in a run, by a segment of its own.

    Args:
        collector: Is told.
        run: The run.
        event: One of `wire.TEST_*`.
        facts: What there is to tell.
    """
    more = ToldRun(run.run, run.prefix)
    more.tell(event, facts, when=time.time_ns())
    deliver(collector.url, more)
