"""
Take the screenshots of the docs, of a real collector in a real browser: `python -m tools.screenshots`.

The records and test runs are those of the tests' shop, so that two runs differ only by their time.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pylogtap.cases.identity import case_id
from pylogtap_collector.proofs.daemon import running_daemon
from tests.support.accounts import NAME, PASSWORD, ask, set_up
from tests.support.browser import LogsPage, running_browser
from tests.support.shop import deliver, shop_segments
from tests.support.shop_suites import NEW, run_of, shop_suites

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
            _take_all(browser, collector.url, folder, SHOTS)
            for segment in shop_suites():
                deliver(collector.url, segment)
            _take_all(browser, collector.url, folder, TEST_SHOTS)
            cookie = set_up(collector)
            for key in KEYS:
                ask(collector, "POST", "/keys", key, cookie=cookie)
            _take_all(browser, collector.url, folder, GUARDED_SHOTS)
    return 0


def _take_all(browser: Browser, url: str, folder: Path, shots: Shots) -> None:
    for name, (shown, options) in shots.items():
        _take(browser, url, folder / f"{name}.png", shown, **options)  # type: ignore[arg-type]
        sys.stdout.write(f"{folder / name}.png\n")


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


def _sign_in(logs: LogsPage) -> None:
    logs.open("/sign-in", to="/account")
    logs.page.get_by_label("Name").fill(NAME)


def _account(logs: LogsPage) -> None:
    _sign_in(logs)
    logs.page.get_by_label("Password", exact=True).fill(PASSWORD)
    logs.page.keyboard.press("Enter")
    logs.page.wait_for_selector("[data-key]")


def _services(logs: LogsPage) -> None:
    logs.open("/tests")
    logs.page.wait_for_selector(".tag.of-new_failure")


def _run(logs: LogsPage) -> None:
    logs.open("/tests", run=run_of("checkout", 0))
    logs.page.wait_for_selector("[data-group=slower]")


def _case(logs: LogsPage) -> None:
    logs.open("/tests", run=run_of("checkout", 0), case=case_id(run_of("checkout", 0), NEW))
    logs.page.wait_for_selector("[data-group=slower]")
    logs.page.wait_for_selector("#detail .case-logs .context-line")


def _flaky(logs: LogsPage) -> None:
    logs.open("/tests", tab="flaky")
    logs.page.click(".test-row")
    logs.page.wait_for_selector(".durations canvas")


Shots = dict[str, tuple["Callable[[LogsPage], None]", dict[str, bool | int]]]
SHOTS: Shots = {
    "page-light": (_newest, {}),
    "page-dark": (_newest, {"dark": True}),
    "page-record": (_record, {}),
    "page-patterns": (_patterns, {"dark": True}),
    "page-mistake": (_mistake, {"height": 320}),
    "page-narrow": (_newest, {"width": 390, "height": 760}),
    "api": (_api, {}),
}
TEST_SHOTS: Shots = {
    "tests-overview": (_services, {"height": 320}),
    "tests-run": (_run, {"height": 900}),
    "tests-case": (_case, {"height": 1000}),
    "tests-flaky": (_flaky, {"dark": True}),
    "tests-narrow": (_run, {"width": 390, "height": 760}),
}
GUARDED_SHOTS: Shots = {
    "sign-in": (_sign_in, {"width": 640, "height": 430}),
    "account": (_account, {"width": 900, "height": 940}),
}
KEYS = (
    {"name": "web servers", "project": "shop"},
    {"name": "dashboards", "project": "shop", "role": "read", "expires": "2036-01-01T00:00:00Z"},
)

if __name__ == "__main__":
    sys.exit(main())
