"""A campaign: applications on one spool directory, one real collector, and a bad network between them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import urllib.error
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pylogtap_collector.proofs.oracle import Oracle, Tally, Verdict
from pylogtap_collector.proofs.proxy import CuttingProxy
from pylogtap_collector.proofs.records import count

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess

PROJECT, SERVICE = "faults", "app"
THREADS = 4
APPLICATION = "pylogtap_collector.proofs.application"
_DRAIN = "import json, dataclasses, pylogtap; print(json.dumps(dataclasses.asdict(pylogtap.drain())))"
_ARRIVING_S = 60.0  # most that what is stored may take to be found
_ANSWERING_S = 60.0  # more that a busy machine may need to answer
_BUSY = 503
_DRAINING_S = 900.0  # thousands of small segments, one request each


@dataclass
class Run:
    """
    One application of a campaign.

    Attributes:
        instance: The last part of its prefix.
        process: The process.
        oracle: What its calls returned from.
    """

    instance: str
    process: subprocess.Popen[str]
    oracle: Oracle

    def kill(self) -> None:
        """End it as the kernel would when memory runs out: SIGKILL."""
        self.process.kill()
        self.process.communicate()

    def finish(self, timeout_s: float = 120) -> dict[str, Any]:
        """
        Ask it to end, and return its counters.

        Args:
            timeout_s: Most seconds that it may take.
        """
        output, errors = self.process.communicate("", timeout=timeout_s)
        assert self.process.returncode == 0, errors
        counters: dict[str, Any] = json.loads(output.splitlines()[-1])
        return counters


class Campaign:
    """
    What its applications have in common.

    Attributes:
        proxy: The network between them and the collector.
        spool: Their spool directory.
        environment: Theirs.
        runs: The applications so far.
    """

    def __init__(
        self, folder: Path, collector: CollectorProcess, seed: int, *, cut: float = 0, tear: float = 0
    ) -> None:
        """
        Prepare.

        Args:
            folder: For the spool and the oracles.
            collector: Where everything has to arrive.
            seed: Of the network's faults.
            cut: Share of the answers that get lost after the collector has stored the slice.
            tear: Share of the pieces of requests that get lost halfway.
        """
        self._folder, self._collector = folder, collector
        self.spool = folder / "spool"
        self.proxy = CuttingProxy(("127.0.0.1", collector.port), random.Random(seed), cut=cut, tear=tear)
        self.runs: list[Run] = []
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP_")}
        self.environment = inherited | {
            "PYLOGTAP_URL": self.proxy.url,
            "PYLOGTAP_SPOOL_DIR": str(self.spool),
            "PYLOGTAP_CONSOLE": "off",
            "PYLOGTAP_FLUSH_INTERVAL_S": "0.01",  # so that short lives ship, and adopt, as well
        }

    @property
    def returned(self) -> int:
        """Calls of all applications that have returned so far."""
        return sum(sum(run.oracle.obligations().values()) for run in self.runs)

    def start(
        self, *arguments: str, threads: int = THREADS, children: int = 0, program: str = APPLICATION
    ) -> Run:
        """
        Start an application, and return when its threads log.

        Args:
            arguments: Further ones of the program.
            threads: How many write.
            children: How many processes it will fork, grandchildren among them.
            program: The module that is run.
        """
        instance = f"run-{len(self.runs)}"
        path = self._folder / f"oracle-{instance}"
        oracle = Oracle(path, threads + children)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", program),
                *(str(path), f"{PROJECT}/{SERVICE}/{instance}", "--threads", str(threads), *arguments),
            ],
            env=self.environment,
            cwd=self._folder,  # no pyproject.toml of whoever runs this is theirs
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        run = Run(instance, process, oracle)
        self.runs.append(run)
        assert process.stdout.readline() == "up\n", process.communicate()[1]
        return run

    def drain(self) -> int:
        """
        Deliver what the dead left, by another process; the network may fail it.

        Returns:
            Frames that the collector could not take, and that lie beside the spool.
        """
        aside = 0
        deadline = time.monotonic() + _DRAINING_S
        while True:
            done = subprocess.run(
                [sys.executable, "-c", _DRAIN],
                env=self.environment,
                cwd=self._folder,
                capture_output=True,
                text=True,
                timeout=_DRAINING_S,
                check=True,
            )
            report = json.loads(done.stdout)
            aside += int(report["set_aside"])
            if not report["left"]:
                return aside
            assert time.monotonic() < deadline, report

    def leftovers(self) -> list[str]:
        """Return the names of the files that the spool still holds, but for the note of its destination."""
        return [path.name for path in self.spool.rglob("*") if path.is_file() and path.name != "destination"]

    def verdict(self, patience_s: float = _ARRIVING_S) -> Verdict:
        """
        Compare all runs with what the collector shows, once it shows everything, or time is over.

        Args:
            patience_s: Most that what is missing may take to arrive.
        """
        deadline = time.monotonic() + patience_s
        while True:
            total = self._compared()
            if total is not None and (not total.lost_count or time.monotonic() > deadline):
                return total
            assert total is not None or time.monotonic() < deadline + _ANSWERING_S, (
                "the collector is too slow"
            )
            time.sleep(0.2)

    def _compared(self) -> Verdict | None:
        """Compare all runs with one look at all that there is; None: the collector was too busy for one."""
        tallies = {run.instance: Tally(run.oracle.obligations()) for run in self.runs}
        asked = f"project:{PROJECT} service:{SERVICE}"
        try:
            for log in self._collector.exported(asked):
                tally = tallies.get(log["instance"]) or tallies[self.runs[0].instance]
                count(tally, log)
        except urllib.error.HTTPError as error:
            if error.code != _BUSY:
                raise
            return None
        total = Verdict()
        for tally in tallies.values():
            total.add(tally.verdict())
        return total

    def close(self) -> None:
        """End whatever still runs."""
        for run in self.runs:
            run.kill()
            run.oracle.close()
        self.proxy.close()
