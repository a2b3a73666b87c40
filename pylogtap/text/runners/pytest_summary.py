"""The short test summary of pytest, and what it says of a run before the first case."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.text.runners.model import whole_number
from pylogtap.text.runners.pytest_lines import OUTCOMES, is_node

if TYPE_CHECKING:
    from pylogtap.cases.facts import RunFacts

_MOST = 200_000  # entries: a summary of everything (-rA) lists each case
_PLATFORM = re.compile(r"platform (\S+) -- (Python [^,]{1,100}), pytest-([^,]{1,50}), ")
_COLLECTED = re.compile(r"(?:collecting \.\.\. )*collected ([0-9]{1,9}) items?(.{0,200})")
_WORKERS = re.compile(r"([0-9]{1,5}) workers? \[([0-9]{1,9}) items?\]")
_DESELECTED = re.compile(r"/ ([0-9]{1,9}) deselected")
_SEED = re.compile(r"Using --randomly-seed=(\S{1,40})")


class Entry(NamedTuple):
    """A line of the summary: the outcome, and what follows it: a node, and often ` - ` and a message."""

    outcome: str
    text: str

    def candidates(self) -> list[tuple[str, str]]:
        """Return each node and message that the line may mean, the likeliest first: a bracket is closed."""
        found: list[tuple[str, str]] = []
        start = 0
        while len(found) < 20 and (at := self.text.find(" - ", start)) >= 0:
            if is_node(self.text[:at]) or not found:
                found.append((self.text[:at], self.text[at + 3 :]))
            start = at + 3
        found.append((self.text, ""))
        return sorted(found, key=lambda pair: "[" in pair[0] and not pair[0].endswith("]"))


class Listed:
    """Collects the entries of a summary."""

    def __init__(self) -> None:
        """Begin without entries."""
        self.entries: list[Entry] = []

    def feed(self, line: str) -> None:
        """Take a line."""
        word, _, rest = line.partition(" ")
        if word.startswith("SUBFAIL"):
            word, rest = "FAILED", _without_part(line)
        outcome = OUTCOMES.get(word)
        if outcome is None or not rest or rest.startswith("["):  # `SKIPPED [1] file:12: reason` has no node
            return
        file = rest.partition("::")[0].partition(" - ")[0]
        if len(self.entries) < _MOST and "." in file:
            self.entries.append(Entry(outcome, rest))


def _without_part(line: str) -> str:
    """Return what follows the name of a part: `SUBFAILED[message] (i=1) node - …`."""
    rest = line.removeprefix("SUBFAILED").removeprefix("SUBFAIL")
    for opening, closing in (("[", "] "), ("(", ") ")):
        rest = rest.lstrip()
        if rest.startswith(opening):
            rest = rest.partition(closing)[2]
    return rest.lstrip()


def read_facts(line: str) -> RunFacts | None:
    """Read what a line in front of the first case says of a run; None where it says nothing."""
    if line.startswith("platform "):
        found = _PLATFORM.match(line)
        return {"platform": found[1], "python": found[2], "runner_version": found[3]} if found else None
    if line.startswith("rootdir: "):
        return {"root": line.removeprefix("rootdir: ").partition(", ")[0].strip()}
    if line.startswith("Using --randomly-seed="):
        found = _SEED.match(line)
        return {"seed": found[1]} if found else None
    if found := _COLLECTED.match(line):
        facts: RunFacts = {"collected": whole_number(found[1])}
        deselected = _DESELECTED.search(found[2])
        if deselected:
            facts["deselected"] = whole_number(deselected[1])
            facts["collected"] -= min(facts["collected"], facts["deselected"])
        return facts
    if found := _WORKERS.match(line):
        return {"workers": whole_number(found[1]), "collected": whole_number(found[2])}
    return None
