"""A page of which a part could not be loaded is loaded again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit

pytestmark = pytest.mark.browser


def wait_for(page: Page, asked: list[str], times: int) -> None:
    """Wait until the page has asked so often."""
    for _ in range(300):
        if len(asked) >= times:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"asked {len(asked)} times: {asked}")


@pytest.mark.parametrize("part", ["**/app/facets.js", "**/app/main.js", "**/app/css/records.css"])
def test_what_failed_once_is_loaded_again(visit: Visit, shop: CollectorProcess, part: str) -> None:
    """As when the machine's network changes while the page is loaded: a moment later, all is there."""
    logs = visit(shop.url)
    failed: list[str] = []

    def fail_twice(route: Route) -> None:
        if len(failed) < 2:
            failed.append(route.request.url)
            route.abort("internetdisconnected")
        else:
            route.continue_()

    logs.page.route(part, fail_twice)
    logs.page.goto(shop.url)
    wait_for(logs.page, failed, 2)  # without its sheet, a page shows its records, too
    expect(logs.rows.first).to_be_visible()


def test_what_fails_for_ever_is_given_up(visit: Visit, shop: CollectorProcess) -> None:
    """After some tries, the page stays as it is."""
    logs = visit(shop.url)
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.abort("internetdisconnected")

    logs.page.route("**/app/facets.js", fail)
    logs.page.goto(shop.url)
    wait_for(logs.page, asked, 4)
    logs.page.wait_for_timeout(3_000)  # longer than any further wait would be
    assert len(asked) == 4
    assert logs.page.evaluate("sessionStorage.getItem('pylogtap.reloads')") == "3"
