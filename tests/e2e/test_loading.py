"""A page of which a part could not be loaded is loaded again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.e2e.conftest import Visit
    from tests.support.daemon import CollectorProcess

pytestmark = pytest.mark.browser


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
    expect(logs.rows.first).to_be_visible()
    expect(logs.page.locator("body")).to_have_css("margin", "0px")
    assert len(failed) == 2


def test_what_fails_for_ever_is_given_up(visit: Visit, shop: CollectorProcess) -> None:
    """After some tries, the page stays as it is."""
    logs = visit(shop.url)
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.abort("internetdisconnected")

    logs.page.route("**/app/facets.js", fail)
    logs.page.goto(shop.url)
    for _ in range(300):
        if len(asked) == 4:
            break
        logs.page.wait_for_timeout(100)
    logs.page.wait_for_timeout(3_000)  # longer than any further wait would be
    assert len(asked) == 4
    assert logs.page.evaluate("sessionStorage.getItem('pylogtap.reloads')") == "3"
