"""
Take the screenshots of the docs, of a real collector in a real browser: `python -m tools.screenshots`.

The records are those of the tests' shop, so that two runs differ only by their time.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browser import LogsPage, running_browser
from tests.support.daemon import running_daemon
from tests.support.shop import deliver, shop_segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[1] / "docs" / "_static"
_SETTLED_MS = 600  # until fonts and the histogram are drawn


def main() -> int:
    """Take them all."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, running_daemon(Path(data)) as collector:
        for segment in shop_segments():
            deliver(collector.url, segment)
        with running_browser() as browser:
            for name, (shown, options) in SHOTS.items():
                _take(browser, collector.url, folder / f"{name}.png", shown, **options)  # type: ignore[arg-type]
                sys.stdout.write(f"{folder / name}.png\n")
    return 0


def _take(
    browser: Browser,
    url: str,
    path: Path,
    shown: Callable[[LogsPage], None],
    *,
    dark: bool = False,
    width: int = 1280,
    height: int = 760,
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    logs = LogsPage(context.new_page(), url)
    shown(logs)
    logs.page.wait_for_timeout(_SETTLED_MS)
    logs.page.screenshot(path=path)
    context.close()
    if logs.faults:
        raise RuntimeError(f"{path.name}: {logs.faults}")


def _newest(logs: LogsPage) -> None:
    logs.open(since="1h")


def _record(logs: LogsPage) -> None:
    logs.open(since="1h", q="level:>=warning")
    logs.row("GatewayTimeout").last.click()
    logs.page.wait_for_selector("#detail .context")


def _patterns(logs: LogsPage) -> None:
    logs.open(since="1h")
    logs.page.click("#tab-patterns")


def _mistake(logs: LogsPage) -> None:
    logs.open(since="1h")
    logs.search("service:checkout level:>=warn order:")
    logs.page.wait_for_selector("#mistake:not([hidden])")


def _api(logs: LogsPage) -> None:
    logs.open("/docs")
    logs.page.wait_for_selector("#operations-logs-list_logs")


SHOTS: dict[str, tuple[Callable[[LogsPage], None], dict[str, bool | int]]] = {
    "page-light": (_newest, {}),
    "page-dark": (_newest, {"dark": True}),
    "page-record": (_record, {}),
    "page-patterns": (_patterns, {"dark": True}),
    "page-mistake": (_mistake, {"height": 320}),
    "page-narrow": (_newest, {"width": 390, "height": 760}),
    "api": (_api, {}),
}

if __name__ == "__main__":
    sys.exit(main())
