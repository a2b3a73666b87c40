"""A collector that keeps everything in memory, for as long as tests run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pylogtap.setup import flush
from pylogtap.testing.asserting import CollectorUnavailable, check, is_met, load_collector
from pylogtap.testing.records import Record
from pylogtap.testing.redirection import redirected

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTING_S = 30.0
_STOPPING_S = 10.0
_FLUSH_S = 5.0
_WITHIN_S = 5.0
_LOOK_EACH_S = 0.05
_PAGE = 1_000
_PROGRAM = "import sys; from pylogtap.cli import main; sys.exit(main())"
_ADDRESS = re.compile(rb"pylogtap collector at (http://\S+)")


class MemoryCollector:
    """
    A real collector, of which this sees what came since it was made.

    Attributes:
        url: Its address.
    """

    def __init__(self, url: str) -> None:
        """
        Look at a collector from now on.

        Args:
            url: Its address.
        """
        self.url = url
        newest = self.get("logs", limit=1, order="desc")["items"]
        self._since = newest[0]["id"] if newest else 0
        self._old_runs = {run["id"] for run in self._all("tests/runs")}

    def get(self, path: str, **query: Any) -> Any:
        """
        Return an answer of the API.

        Args:
            path: Behind `/api/v1/`.
            query: Parameters.
        """
        address = f"{self.url}/api/v1/{path}?{urlencode(query)}"
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - the collector's own address
            return json.load(answer)

    def _all(self, path: str, **query: Any) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self.get(path, limit=_PAGE, **query, **({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["next"]
            if not cursor:
                return

    def logs(self, query: str = "") -> list[Record]:
        """
        Return the records that a query finds, oldest first; what this process logged so far has arrived.

        Args:
            query: See docs/reference/query-language.md.
        """
        flush(_FLUSH_S)
        text = f"({query}) id:>{self._since}" if query.strip() else f"id:>{self._since}"
        return [Record(log) for log in self._all("logs", q=text, order="asc")]

    def runs(self) -> list[dict[str, Any]]:
        """Return the test runs, newest first."""
        flush(_FLUSH_S)
        return [run for run in self._all("tests/runs") if run["id"] not in self._old_runs]

    def cases(self) -> list[dict[str, Any]]:
        """Return the cases of all test runs."""
        return [case for run in self.runs() for case in self._all("tests/cases", run=run["id"])]

    def assert_logged(
        self, query: str, *, count: int | None = None, at_least: int = 1, within: float = _WITHIN_S
    ) -> list[Record]:
        """
        Fail unless records arrive that a query finds.

        Args:
            query: See docs/reference/query-language.md.
            count: How many there have to be, exactly; 0: none.
            at_least: How many there have to be at least, where no `count` is given.
            within: Seconds to wait for what other processes log. With `count` it is waited for too few alone.

        Returns:
            The records.

        Raises:
            AssertionError: There are others; tells what was logged instead.
        """
        __tracebackhide__ = True
        deadline = time.monotonic() + within
        found = self.logs(query)
        while not is_met(len(found), count, at_least) and len(found) < (count or at_least):
            if time.monotonic() > deadline:
                break
            time.sleep(_LOOK_EACH_S)
            found = self.logs(query)
        if is_met(len(found), count, at_least):
            return found
        return check(query, self.logs(), count=count, at_least=at_least)


@contextmanager
def serving() -> Iterator[str]:
    """
    Run a collector in memory on a free port of this machine, in a process of its own, and yield its address.

    Raises:
        CollectorUnavailable: It is not installed, or does not start.
    """
    load_collector("errors")  # says what to install, before a process says it at length
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP")}
    with tempfile.TemporaryDirectory(prefix="pylogtap-testing-") as folder:
        told = Path(folder) / "told"
        with told.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-c", _PROGRAM, "serve", "--memory", "--port", "0", "--docker", "off"],
                env={
                    **kept,
                    "PYTHONUNBUFFERED": "1",
                    "PYLOGTAP_COLLECTOR_HOST_METRICS": "false",
                    "PYLOGTAP_COLLECTOR_ADOPT": "false",
                    "PYLOGTAP_SPOOL_DIR": folder,
                },
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        try:
            yield _address(process, told)
        finally:
            process.terminate()
            try:
                process.wait(_STOPPING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen[bytes], told: Path) -> str:
    deadline = time.monotonic() + _STARTING_S
    while time.monotonic() < deadline:
        found = _ADDRESS.search(told.read_bytes())
        if found is not None:
            return found[1].decode()
        if process.poll() is not None:
            break
        time.sleep(0.02)
    said = told.read_text(errors="replace")[-2_000:]
    raise CollectorUnavailable(f"the collector did not start: {said or 'it said nothing'}")


@contextmanager
def memory_collector(url: str | None = None) -> Iterator[MemoryCollector]:
    """
    Let this process, and those that it starts, deliver to a collector in memory while a block runs.

    Args:
        url: Of one that runs; None: one is started, and stopped at the end.

    Raises:
        CollectorUnavailable: It is not installed, or does not start.
    """
    if url is None:
        with serving() as started, memory_collector(started) as collector:
            yield collector
        return
    collector = MemoryCollector(url)
    with redirected(url):
        yield collector
