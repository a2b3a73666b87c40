"""A browser and collectors for the tests of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pylogtap_collector.proofs.daemon import CollectorProcess, running_daemon
from tests.support.browser import LogsPage, running_browser
from tests.support.shop import deliver, shop_segments
from tests.support.shop_suites import shop_suites

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

expect.set_options(timeout=45_000)  # as long as other steps may take: a machine may be busy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; of one module, as nothing else may run an event loop in this thread meanwhile."""
    with running_browser() as running:
        yield running


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[CollectorProcess]:
    """A collector without records, in a process of its own."""
    with running_daemon(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector with the records of the shop, which tests only read."""
    with running_daemon(tmp_path_factory.mktemp("shop")) as running:
        for segment in shop_segments():
            deliver(running.url, segment)
        yield running


@pytest.fixture(scope="module")
def suites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector that was told of the shop's runs, which tests only read."""
    with running_daemon(tmp_path_factory.mktemp("suites")) as running:
        for segment in shop_suites():
            deliver(running.url, segment)
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens pages; at the end, nothing may have gone wrong in any of them."""
    visiting = Visit(browser)
    yield visiting
    visiting.close()
    assert visiting.faults() == []


class Visit:
    """Opens pages in contexts of their own: nothing of one is known to another."""

    def __init__(self, browser: Browser) -> None:
        """
        Begin with none.

        Args:
            browser: Runs.
        """
        self._browser = browser
        self._pages: list[LogsPage] = []

    def __call__(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        agent: str | None = None,
    ) -> LogsPage:
        """
        Return a page of a collector; `open` loads it.

        Args:
            url: The collector's address.
            width: Of the window, CSS pixels.
            height: Of the window.
            dark: What the system prefers.
            agent: How the browser calls itself; default: what it is.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            user_agent=agent,
        )
        context.set_default_timeout(45_000)
        page = LogsPage(context.new_page(), url)
        self._pages.append(page)
        return page

    def faults(self) -> list[str]:
        """Return what went wrong in all pages."""
        return [fault for page in self._pages for fault in page.faults]

    def close(self) -> None:
        """Close all pages."""
        for page in self._pages:
            page.page.context.close()
