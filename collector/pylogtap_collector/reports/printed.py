"""What runners print as a protocol of their own: TAP, and the JSON lines of `go test -json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pylogtap.cases.facts import MAX_ITEMS, CaseFacts, RunFacts, RunOutcome
from pylogtap.text.lines import strip_escapes
from pylogtap.text.runners import RUNNERS, CaseBegan, CaseSeen, RunEnded, RunSeen, WarningSeen
from pylogtap_collector.errors import Invalid
from pylogtap_collector.reports.model import MAX_CASES, ParsedRun, Skipped, outcome_of
from pylogtap_collector.reports.values import NS

if TYPE_CHECKING:
    from pylogtap.text.runners import Event

_MAX_LINE = 64 << 10  # characters of a line that are looked at


class _Collected:
    """Takes what a parser tells."""

    def __init__(self) -> None:
        self.facts = RunFacts()
        self.cases: dict[tuple[str, int], CaseFacts] = {}
        self.totals: dict[str, Any] = {}
        self.warnings: list[dict[str, Any]] = []
        self.skipped = Skipped()

    def take(self, event: Event, number: int) -> None:
        """
        Take one thing.

        Args:
            event: It.
            number: Of the line that told it.
        """
        if isinstance(event, CaseBegan | CaseSeen):
            key = event.case["node"], event.occurrence
            if key not in self.cases and len(self.cases) >= MAX_CASES:
                self.skipped.note(f"line {number}: more than {MAX_CASES:,} cases", 1)
            else:
                self.cases[key] = cast("CaseFacts", {**self.cases.get(key, {}), **event.case})
        elif isinstance(event, RunSeen):
            self.facts.update(event.facts)
        elif isinstance(event, WarningSeen) and len(self.warnings) < MAX_ITEMS * 10:
            self.warnings.append({name: each for name, each in event.warning.items() if name != "node"})
        elif isinstance(event, RunEnded):
            self.totals.update(event.totals)


def read(data: bytes, now_ns: int, runner: str) -> ParsedRun:
    """
    Read what a runner printed.

    Args:
        data: Its output.
        now_ns: When it is read, ns since the epoch: when the run ended, if it does not say.
        runner: One of :data:`pylogtap.text.runners.RUNNERS`.

    Raises:
        Invalid: There is no case in it.
    """
    parser, found = RUNNERS[runner](), _Collected()
    number = 0
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        for event in parser.feed(strip_escapes(line[:_MAX_LINE]), now_ns):
            found.take(event, number)
    for event in parser.end():
        found.take(event, number)
    if not found.cases:
        raise Invalid(f"There is no case in this; it was read as what {runner!r} prints.")
    return _run(found, now_ns, parser.runner)


def _run(found: _Collected, now_ns: int, runner: str) -> ParsedRun:
    cases = list(found.cases.values())
    work = sum(case.get("duration", 0.0) for case in cases)
    duration = float(found.totals.get("duration") or work)
    begins = [began for case in cases if 0 < (began := case.get("started", 0)) < now_ns]
    started = min(begins, default=max(1, now_ns - round(duration * NS)))
    at = started
    for case in cases:
        at = case.setdefault("started", at) + round(case.get("duration", 0.0) * NS)
    facts: RunFacts = {**found.facts, "runner": found.facts.get("runner", runner), "source": "import"}
    outcome = cast("RunOutcome", found.totals.get("outcome") or outcome_of(cases))
    parsed = ParsedRun(facts, cases, started, duration, outcome, reason=found.totals.get("reason"))
    parsed.warnings, parsed.skipped = found.warnings, found.skipped.sentences()
    parsed.dropped = found.skipped.dropped + found.totals.get("lost", 0)
    return parsed
