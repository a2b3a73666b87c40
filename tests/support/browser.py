"""A real Chromium for tests, and a page of ours in it that notes whatever goes wrong."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page, Request

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_MISSING = "no Chromium: `apt-get install chromium`, or `python -m playwright install chromium`"
# A refused query, a missing key and a collector that is away are shown by the page itself.
_EXPECTED = ("Failed to load resource",)
_PASSING = "ERR_NETWORK_CHANGED"  # a container of another test brought an interface, or took one away


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Run a headless Chromium: the system's, else Playwright's; skip the test where there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except Error as error:
            pytest.skip(f"{_MISSING} ({error.message.splitlines()[0]})")
        try:
            yield browser
        finally:
            browser.close()


class LogsPage:
    """
    The page at `/`, used as people use it.

    Attributes:
        page: Playwright's page, for what is not here.
        faults: What went wrong in it: uncaught errors, violations of the policy, foreign requests.
    """

    def __init__(self, page: Page, url: str) -> None:
        """
        Begin to watch a page.

        Args:
            page: Not loaded yet.
            url: The collector's address.
        """
        self.page, self.url = page, url
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("request", self._asked)

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not text.startswith(_EXPECTED):
            self.faults.append(f"{kind}: {text}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).scheme in {"data", "blob"}:
            return
        if not request.url.startswith(f"{self.url}/"):
            self.faults.append(f"asked elsewhere: {request.url}")

    def open(self, path: str = "/", **view: Any) -> None:
        """
        Load a page, and wait until it shows something, which may be the way to sign in.

        Args:
            path: Of the page.
            view: Members of its address, as they stand there.
        """
        self._go(f"{self.url}{path}{'?' + urlencode(view) if view else ''}")
        if path == "/":
            self.page.wait_for_selector("#records .row, #notice:not([hidden]), #page h1")

    def _go(self, url: str) -> None:
        for left in reversed(range(3)):
            try:
                self.page.goto(url)
            except Error as error:
                if not left or _PASSING not in error.message:
                    raise
            else:
                return

    def sign_in(self, name: str, password: str) -> None:
        """
        Fill in the form that is shown, and wait until it has led away.

        Args:
            name: Of the user.
            password: His.
        """
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: "/sign-in" not in url)

    @property
    def rows(self) -> Locator:
        """The rows in view."""
        return self.page.locator("#records .row")

    def row(self, text: str) -> Locator:
        """The rows that hold a text."""
        return self.rows.filter(has_text=text)

    @property
    def detail(self) -> Locator:
        """The record that is unfolded."""
        return self.page.locator("#detail")

    def search(self, text: str) -> None:
        """Type a query and press Enter."""
        self.page.fill("#query", text)
        self.page.keyboard.press("Enter")

    def facet(self, field: str, value: str) -> Locator:
        """The button that keeps the records of a value alone."""
        return self.page.locator(f'[data-facet="{field}:{value}"]')
