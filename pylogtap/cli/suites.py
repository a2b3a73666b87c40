"""Test runs that a program's output shows, told to the collector beside the lines themselves."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pylogtap.cases.identity import case_id
from pylogtap.cases.reporter import Reporter
from pylogtap.cli.errors import WrongUsage, without_secrets
from pylogtap.prefix import host_name
from pylogtap.text.lines import LineSplitter
from pylogtap.text.runners import (
    RUNNERS,
    CaseBegan,
    CaseSeen,
    Recognizer,
    RunEnded,
    RunSeen,
    WarningSeen,
    runner_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap.cases.facts import CaseFacts, RunFacts
    from pylogtap.client import Client
    from pylogtap.text.runners import Event, Totals

_ON = frozenset({"1", "true", "yes", "on"})
_SHOWING = frozenset(  # options by which pytest runs no tests
    {"--collect-only", "--co", "--fixtures", "--funcargs", "--fixtures-per-test", "--markers", "--setup-plan",
     "--help", "-h", "--version", "-V"}
)  # fmt: skip
_INI = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_SWITCHED_ON = re.compile(
    r"^\s*pylogtap\s*=\s*[\"']?(?:true|1|yes|on)\b|--pylogtap(?![\w-])", re.MULTILINE | re.IGNORECASE
)
_UNCOLLECTED = re.compile(r"\b\d+ errors? during collection")
_PYTEST_CODES = {2: "interrupted", 3: "error", 4: "error", 5: "empty"}
_OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
_MAX_COMMAND = 2_000  # characters


def suite_of(command: Sequence[str], runner: str | None) -> Suite | None:
    """
    Return what will tell of the test runs of a program; None where nothing is to be told, or not by us.

    Args:
        command: The program and its arguments.
        runner: What the user says that prints results; None: nothing.

    Raises:
        WrongUsage: There is no such runner.
    """
    if runner is not None and runner not in RUNNERS:
        raise WrongUsage(f"--tests {runner!r}: no such runner; there are {', '.join(RUNNERS)}")
    expected = runner_of(command)
    if expected == "pytest" and (_SHOWING.intersection(command) or _plugin_tells(command)):
        return None
    return Suite(command, runner, expected)


def _plugin_tells(command: Sequence[str]) -> bool:
    """Tell whether our pytest plugin is switched on in the program: then nothing must be told twice."""
    words = [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "").replace("'", "")), *command]
    if "--no-pylogtap" in words:
        return False
    if "--pylogtap" in words:
        return True
    told = os.environ.get("PYLOGTAP")
    if told:
        return told.strip().lower() in _ON
    for name in _INI:
        try:
            text = Path(name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if "pylogtap" in text and _SWITCHED_ON.search(text):
            return True
    return False


class Suite:
    """
    Tells of the test runs of one program.

    There may be several, one behind the other, as in a script that runs two suites.
    """

    def __init__(self, command: Sequence[str], runner: str | None, expected: str | None) -> None:
        """
        Prepare for a program.

        Args:
            command: The program and its arguments.
            runner: What prints results; None: to be found out.
            expected: What the command seems to start.
        """
        self._command = without_secrets(shlex.join(command))[:_MAX_COMMAND]
        natural = (RUNNERS[runner].stream if command else 1) if runner else 0  # a pipe has one stream
        known = runner or expected
        if known is not None and known == expected and not RUNNERS[known].both:
            self._eligible = frozenset({RUNNERS[known].stream})  # on the other one a test may print anything
        else:
            self._eligible = frozenset({1, 2})
        self._streams = {
            number: Recognizer(runner if number == natural else None, expected=expected) for number in (1, 2)
        }
        self._chosen: Recognizer | None = None
        self._client: Client | None = None
        self._place = ""
        self._reporter: Reporter | None = None
        self._facts: RunFacts = {}
        self._totals: Totals = {}
        self._began = 0.0
        self._named = 0

    def connect(self, client: Client, place: str) -> None:
        """
        Say where runs are told.

        Args:
            client: Delivers.
            place: `project/service/instance`.
        """
        self._client, self._place = client, place

    def listener(self, number: int) -> Callable[[bytes], None]:
        """
        Return what hears a stream of the program.

        Args:
            number: 1: standard output; 2: standard error.
        """
        splitter = LineSplitter()

        def hear(chunk: bytes) -> None:
            now = time.time_ns()
            for line in splitter.feed(chunk):
                if not line.part:
                    self._take(number, line.text, now)

        return hear

    def _take(self, number: int, line: str, now: int) -> None:
        """Read a line: of the stream that has results, once that is known."""
        recognizer = self._streams[number]
        if self._chosen is None:
            if number not in self._eligible:
                return
            events = recognizer.feed(line, now)
            if events:
                self._chosen = recognizer
        elif recognizer is self._chosen or (self._chosen.parser is not None and self._chosen.parser.both):
            events = self._chosen.feed(line, now)
        else:
            return
        for event in events:
            self._tell(event)

    def _tell(self, event: Event) -> None:
        if self._client is None:
            return
        if isinstance(event, RunSeen) and event.new:
            self._end_run(None)
            self._begin_run(self._client, event.facts)
        reporter = self._reporter
        if reporter is None:
            return
        match event:
            case RunSeen(facts, new=False):
                self._facts = cast("RunFacts", {**self._facts, **facts})
                reporter.add(self._facts)
            case CaseBegan(case, occurrence):
                reporter.start(self._with_id(reporter, case, occurrence))
            case CaseSeen(case, occurrence):
                self._named += bool(case.get("done"))
                reporter.tell(self._with_id(reporter, case, occurrence))
            case WarningSeen(warning):
                given: dict[str, Any] = dict(warning)
                node = given.pop("node", None)
                if node:
                    given["case"] = case_id(reporter.run, str(node))
                reporter.warn(given)
            case RunEnded(totals):
                self._totals = totals

    @staticmethod
    def _with_id(reporter: Reporter, case: CaseFacts, occurrence: int) -> CaseFacts:
        return {**case, "id": case_id(reporter.run, case["node"], occurrence)}

    def _begin_run(self, client: Client, known: RunFacts) -> None:
        from pylogtap.cases.origin import ci_facts, git_facts

        folder = str(Path.cwd())
        self._facts = {
            "source": "output",
            **({"command": self._command} if self._command else {}),
            "host": host_name(),
            "root": folder,
            **known,
            **ci_facts(os.environ),
            **git_facts(folder),
        }
        self._totals, self._began, self._named = {}, time.monotonic(), 0
        self._reporter = Reporter(client, self._place, runner=self._facts["runner"])
        self._reporter.begin(self._facts)

    def end(self, code: int | None) -> None:
        """
        Tell that the program has ended.

        Args:
            code: Its exit code; 128 + the number of the signal that ended it; None: nobody knows.
        """
        if self._chosen is not None:
            for event in self._chosen.end():
                self._tell(event)
        self._end_run(code)

    def _end_run(self, code: int | None) -> None:
        reporter, self._reporter = self._reporter, None
        if reporter is None:
            return
        totals = self._totals
        outcome, reason = _outcome(totals, code, self._facts["runner"])
        duration = totals.get("duration", round(time.monotonic() - self._began, 3))
        reporter.dropped += totals.get("lost", 0)
        if outcome in {"passed", "failed"} and (unnamed := self._count(reporter, totals)):
            reason = f"{unnamed}; {reason}" if reason else unnamed
        reporter.end(outcome=outcome, exit_status=code, duration=duration, reason=reason)

    def _count(self, reporter: Reporter, totals: Totals) -> str | None:
        """Tell how many cases there were; return what was counted where the output names not all of them."""
        counts = totals.get("counts", {})
        cases = totals.get("ran", sum(counts.get(outcome, 0) for outcome in _OUTCOMES))
        known = self._facts.get("collected")
        if known is None and cases:
            reporter.add({"collected": max(cases, self._named)})
        if not counts or self._named >= (cases if known is None else min(cases, known)):
            return None
        counted = ", ".join(f"{count} {word}" for word, count in counts.items())
        named = f"{self._named} of {cases}" if self._named else "no"
        return f"the output names {named} cases; it counts {counted}"


def _outcome(totals: Totals, code: int | None, runner: str) -> tuple[str, str | None]:
    """Return how a run ended, by its text and by the exit code of what ran it, and why."""
    said, reason = totals.get("outcome"), totals.get("reason")
    if not code:
        return said or ("passed" if code == 0 else "interrupted"), reason
    if code > 128:
        try:
            return "interrupted", reason or f"ended by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    if runner == "pytest" and code == 2 and (uncollected := _UNCOLLECTED.search(reason or "")):
        return "error", uncollected.group()
    if runner == "pytest" and code in _PYTEST_CODES:
        return _PYTEST_CODES[code], reason
    if said in {"failed", "interrupted", "error"}:
        return said, reason
    return "failed", reason or f"exit code {code}"
