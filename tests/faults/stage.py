"""What the tests of single programs have in common: a spool, a collector, and a look at what has arrived."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.proofs.records import judge_logs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from pylogtap_collector.proofs.oracle import Verdict

ROOT = Path(__file__).parents[2]
PROGRAMS = "tests.faults.programs"
FRESH = 999_999  # the writer of the line that shows that lines still arrive
_ARRIVING_S = 30.0
_DRAINING_S = 120.0
_ENDING_S = 10.0
_DRAIN = """
import dataclasses, json, sys, pylogtap
report = dataclasses.asdict(pylogtap.drain())
from tests.faults.programs.lines import Lines
Lines(sys.argv[1]).log(int(sys.argv[2]), 1)
pylogtap.flush(60)
print(json.dumps(report))
"""


class Stage:
    """
    One spool directory, whatever programs use it, and the collector that their lines have to reach.

    Attributes:
        folder: For files of the programs.
        prefix: What the programs log under.
        environment: What they are started with.
    """

    def __init__(
        self, folder: Path, collector: CollectorProcess, instance: str, url: str | None = None
    ) -> None:
        """
        Prepare.

        Args:
            folder: For the spool.
            collector: Where everything has to arrive.
            instance: The last part of the prefix; no other test has the same.
            url: The way to the collector; default: the direct one.
        """
        self.folder, self._collector = folder, collector
        self._instance = instance
        self.prefix = f"faults/program/{instance}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP_")}
        self.environment = inherited | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'collector'}",
            "PYLOGTAP_URL": url or collector.url,
            "PYLOGTAP_SPOOL_DIR": str(folder / "spool"),
            "PYLOGTAP_CONSOLE": "off",
            "PYLOGTAP_FLUSH_INTERVAL_S": "0.02",
        }

    def start(
        self, program: str, *arguments: str, python: str = sys.executable, **environment: str
    ) -> subprocess.Popen[str]:
        """
        Start one of the programs beside this module, in a group of its own.

        Args:
            program: Its name.
            arguments: Its arguments, behind the prefix.
            python: What runs it.
            environment: Further variables.
        """
        return subprocess.Popen(
            [python, "-m", f"{PROGRAMS}.{program}", self.prefix, *arguments],
            env=self.environment | environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def drain(self) -> None:
        """Deliver what the dead left, and a fresh line, by another process."""
        deadline = time.monotonic() + _DRAINING_S
        while True:
            done = subprocess.run(
                [sys.executable, "-c", _DRAIN, self.prefix, str(FRESH)],
                env=self.environment, cwd=ROOT, capture_output=True, text=True,
                timeout=_DRAINING_S, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            if not json.loads(done.stdout)["left"]:
                return
            assert time.monotonic() < deadline, done.stdout

    def logs(self) -> list[dict[str, Any]]:
        """Return the numbered records that the collector shows by now, without what celery adds to them."""
        shown = self._collector.logs(f"project:faults instance:{self._instance}")
        numbered = [log for log in shown if "writer" in log["attributes"]]
        for log, name in itertools.product(numbered, ("task_id", "task_name")):
            log["attributes"].pop(name, None)
        return numbered

    def verdict(self, obligations: Mapping[int, int]) -> Verdict:
        """
        Drain, and compare what the collector shows with what was logged.

        Args:
            obligations: The last number of each writer.
        """
        self.drain()
        deadline = time.monotonic() + _ARRIVING_S
        while True:
            verdict = judge_logs({**obligations, FRESH: 1}, self.logs())
            if not verdict.lost_count or time.monotonic() > deadline:
                return verdict
            time.sleep(0.1)

    def leftovers(self) -> list[str]:
        """
        Return the names of the files that the spool still holds, but for the note of its destination.

        Workers of a server that was killed may end a moment behind it, and they own theirs till then.
        """
        deadline = time.monotonic() + _ENDING_S
        while True:
            files = (self.folder / "spool").rglob("*")
            found = [path.name for path in files if path.is_file() and path.name != "destination"]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.2)
            self.drain()


def finish(process: subprocess.Popen[str], timeout_s: float = 60) -> Any:
    """
    Wait for a program, and return what it told.

    Args:
        process: From :meth:`Stage.start`.
        timeout_s: After which it counts as hung.
    """
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"{process.args!r} hangs: {process.communicate()[1]}") from None
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])
