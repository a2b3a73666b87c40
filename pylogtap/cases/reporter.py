"""
Tells of one test run, by the spool of a client: crash-proof, without waiting, delivered when it can be.

Beside what it tells of the run, it logs what people look for in the logs: that a run began and how it ended,
and each case that failed, under the case's id.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

from pylogtap import wire
from pylogtap.cases.facts import MAX_MESSAGE, MAX_NAME, CaseFacts, RunFacts, fit, shorten
from pylogtap.cases.identity import new_run_id
from pylogtap.context import redactor
from pylogtap.record import new_packer
from pylogtap.values import Degrader, well_formed
from pylogtap.writer import Draft, Site

if TYPE_CHECKING:
    from pylogtap.client import Client

BEAT_S = 10.0  # a run that is silent for several of these has died
BAD = frozenset({"failed", "error"})
_TRIES = 3  # of making a case smaller, so that it fits
_SEVERITY = {"info": 9, "warning": 13, "error": 17}


class Reporter:
    """
    One run.

    Attributes:
        run: Its id.
        prefix: Its place.
        dropped: What could not be kept, because the spool is full or was gone.
    """

    def __init__(
        self, client: Client, prefix: str, run: str | None = None, *, runner: str = "pytest"
    ) -> None:
        """
        Bind a client.

        Args:
            client: Delivers.
            prefix: `project/service/instance`.
            run: The run's id; None: a new one.
            runner: Names the logger of what is logged.
        """
        self._client = client
        self._spool = client.spool
        self.prefix, self.run, self._runner = prefix, run or new_run_id(), runner
        self._limit = client.writer.limit
        self._pack = new_packer().pack
        self._lock = threading.Lock()  # a packer serves one thread at a time
        self._still = threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def begin(self, facts: RunFacts) -> None:
        """
        Tell that the run begins, and let everybody know from now on that it goes on.

        Args:
            facts: What is known of it.
        """
        self._offer(wire.TEST_BEGIN, facts)
        self._log("info", f"test run of {self._runner} began", {"run": self.run, **_of_run(facts)})
        self._thread = threading.Thread(target=self._beat, name="pylogtap-test-run", daemon=True)
        self._thread.start()

    def add(self, facts: RunFacts) -> None:
        """Tell what else is known of the run, such as how many cases there are."""
        self._offer(wire.TEST_BEGIN, facts)

    def start(self, case: CaseFacts) -> None:
        """Tell that a case begins: its id, node, and what else is known before it runs."""
        self._offer(wire.TEST_START, case)

    def tell(self, case: CaseFacts) -> None:
        """
        Tell all that is known of a case so far. What was told of it before is replaced.

        Args:
            case: With an `id` and a `node`.
        """
        facts = self._offer_case(case)
        if case.get("done") and case.get("outcome") in BAD:
            self._log_failure(cast("CaseFacts", facts))

    def warn(self, warning: dict[str, Any]) -> None:
        """Tell of a warning: `category`, `message`, and where known `case`, `file`, `line`, `when`."""
        self._offer(wire.TEST_WARNING, warning)

    def end(
        self, *, outcome: str, exit_status: int | None, duration: float, reason: str | None = None
    ) -> None:
        """
        Tell that the run has ended.

        Args:
            outcome: A :data:`pylogtap.cases.facts.RunOutcome`.
            exit_status: What the runner returns to the shell.
            duration: Seconds.
            reason: Why it was interrupted, or what went wrong in the runner.
        """
        self._still.set()
        facts: dict[str, Any] = {"outcome": outcome, "exit": exit_status, "duration": duration}
        if reason:
            facts["reason"] = shorten(well_formed(reason), MAX_MESSAGE)
        if self.dropped:
            facts["dropped"] = self.dropped
        self._offer(wire.TEST_END, facts)
        level = "info" if outcome in {"passed", "empty"} else "error"
        self._log(level, f"test run of {self._runner} ended: {outcome}", {"run": self.run, **facts})

    def _beat(self) -> None:
        while not self._still.wait(BEAT_S):
            self._offer(wire.TEST_BEAT, {})

    def _offer_case(self, case: CaseFacts) -> dict[str, Any]:
        facts = cast("dict[str, Any]", case)
        if len(case["node"]) > MAX_NAME:
            facts = {**facts, "node": shorten(case["node"], MAX_NAME)}
        payload = self._payload(wire.TEST_CASE, facts)
        for _ in range(_TRIES):
            if len(payload) <= self._limit:
                break
            facts = fit(facts, len(payload), self._limit)
            payload = self._payload(wire.TEST_CASE, facts)
        else:
            facts = {name: facts[name] for name in facts.keys() - {"output", "attempts", "subtests"}}
            payload = self._payload(wire.TEST_CASE, facts)
        if not self._spool.offer(payload) and not self._spool.offer(
            self._payload(wire.TEST_CASE, {name: facts[name] for name in facts.keys() - {"output"}})
        ):
            self.dropped += 1
        return facts

    def _offer(self, event: int, facts: Any) -> None:
        if not self._spool.offer(self._payload(event, facts)):
            self.dropped += 1

    def _payload(self, event: int, facts: Any) -> bytes:
        head = [0, wire.KIND_TEST, time.time_ns(), self.prefix, self.run, event]
        with self._lock:
            try:
                packed: bytes = self._pack([*head, facts])
            except (UnicodeError, ValueError, TypeError, OverflowError):  # texts of others may be anything
                packed = self._pack([*head, Degrader(redactor).convert(facts)])
        return packed

    def _log_failure(self, case: CaseFacts) -> None:
        failure = case.get("failure", {})
        why = failure.get("message") or case.get("reason") or ""
        fields = {
            "run": self.run, "node": case["node"], "outcome": case.get("outcome"),
            "phase": case.get("phase"), "duration": case.get("duration"),
        }  # fmt: skip
        more: dict[str, Any] = {wire.MORE_TEST: case["id"]}
        if failure:
            names = ("type", "message", "stacktrace")
            more[wire.MORE_EXCEPTION] = {name: well_formed(str(failure.get(name, ""))) for name in names}
        first = well_formed(why).split("\n", 1)[0]
        text = f"{case['node']} {case.get('outcome')}" + (f": {first}" if first else "")
        self._log("error", text, fields, more)

    def _log(self, level: str, text: str, fields: dict[str, Any], more: dict[str, Any] | None = None) -> None:
        text = shorten(well_formed(text), MAX_MESSAGE)
        site = Site(None, 0, 0, self._runner, "", self.prefix, _SEVERITY[level], level, "", wire.STYLE_TEXT)
        rest: dict[str, Any] = dict(more or {})
        plain = Degrader(redactor).convert(
            {name: value for name, value in fields.items() if value is not None}
        )
        self._client.writer.write(Draft(site, time.time_ns(), None, plain, rest, text))


def _of_run(facts: RunFacts) -> dict[str, Any]:
    return {name: facts[name] for name in ("command", "commit", "branch") if name in facts}
