"""
What unittest prints, and runners that print alike, such as Django's: verbose lines or dots, then blocks.

After `unittest/runner.py` of CPython: https://docs.python.org/3/library/unittest.html.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from pylogtap.cases.facts import MAX_SUBTESTS
from pylogtap.text.runners.model import (
    BAD,
    MAX_BLOCKS,
    MAX_OPEN,
    CaseSeen,
    Event,
    Excerpt,
    Parser,
    RunEnded,
    RunSeen,
    Totals,
    seconds,
    whole_number,
)
from pylogtap.text.runners.names import case_of_unittest
from pylogtap.text.runners.python import failure_of_traceback

if TYPE_CHECKING:
    from pylogtap.cases.facts import CaseFacts, Failure, Subtest

_RULE, _THIN = "=" * 70, "-" * 70
_PLAIN = {"ok": "passed", "FAIL": "failed", "ERROR": "error", "expected failure": "xfailed",
          "unexpected success": "xpassed"}  # fmt: skip
_WORDS = {"FAIL": "failed", "ERROR": "error", "UNEXPECTED SUCCESS": "xpassed"}
_COUNTS = {"failures": "failed", "errors": "error", "skipped": "skipped", "expected failures": "xfailed",
           "unexpected successes": "xpassed"}  # fmt: skip
_NODE = re.compile(r" {0,2}(\w+) \(([\w.<>-]{1,1000})\)(?: (\S.{0,500}?))??(?: \.\.\. (.*))?")
_BLOCK = re.compile(r"(FAIL|ERROR|UNEXPECTED SUCCESS): (\w+)(?: \(([\w.<>-]{1,1000})\))?(?: (.{1,500}))?")
_ABOVE = re.compile(r"[.EFsxu]*\s*")  # an empty line, or dots
_RAN = re.compile(r"Ran ([0-9]{1,9}) tests? in ([0-9.]{1,15})s")
_END = re.compile(r"(OK|FAILED|NO TESTS RAN)(?: \((.{1,200})\))?")
_COUNT = re.compile(r"([a-z ]{1,30})=([0-9]{1,9})")
_LOADER = "unittest.loader._FailedTest"
_FIXTURES = {"setUpClass": "setup", "setUpModule": "setup", "tearDownClass": "teardown",
             "tearDownModule": "teardown"}  # fmt: skip


def dotted_name(name: str, owner: str) -> str:
    """
    Return `module.Class.method`.

    Args:
        name: The method.
        owner: What stands in brackets: since Python 3.11 the whole name, before that the class.
    """
    if owner.startswith(_LOADER):
        return name
    return owner if owner == name or owner.endswith(f".{name}") else f"{owner}.{name}"


def _is_title(name: str, owner: str) -> bool:
    """Tell whether a line without a verdict is a case's, whose first line of documentation follows."""
    return owner.endswith(f".{name}") or (name.startswith("test") and "." in owner)


class UnittestText(Parser):
    """Reads the output of `python -m unittest`, with `-v` or without."""

    runner: ClassVar[str] = "unittest"
    stream: ClassVar[int] = 2

    def __init__(self) -> None:
        """Begin in front of the first case."""
        self._reset()

    def _reset(self) -> None:
        self._begun = False
        self._verbose = False
        self._node = ""  # of the case that runs
        self._open: dict[str, CaseFacts] = {}
        self._parts: dict[str, list[Subtest]] = {}
        self._block: tuple[str, str, str] | None = None  # outcome, node, name of the part
        self._text, self._in_head, self._in_trace = Excerpt(), False, False
        self._blocks = 0
        self._above = ""  # the line before this one
        self._totals: Totals | None = None
        self._ran_at = False
        self._unloaded: set[str] = set()  # modules that cannot be imported

    def feed(self, line: str, time_ns: int) -> list[Event]:  # noqa: ARG002 - of the interface
        """Take a line; see :meth:`Parser.feed`."""
        if self._begun and self._totals is not None and _NODE.fullmatch(line):
            events = self.end()  # another run in the same output
            self._reset()
        else:
            events = []
        if not self._begun:
            self._begun = True
            events.append(RunSeen({"runner": self.runner}, new=True))
        above, self._above = self._above, line
        if line == _RULE and _ABOVE.fullmatch(above):  # a test may print one, which has another line above it
            self._close()
            self._in_head = True
        elif self._in_head:
            self._begin_block(line)
        elif self._ran_at:
            self._read_end(line)
        elif found := _RAN.fullmatch(line):
            self._close()
            self._ran_at = True
            self._totals = {"counts": {}, "ran": whole_number(found[1])}
            duration = seconds(found[2])
            if duration is not None:
                self._totals["duration"] = duration
        elif self._block is not None:
            self._in_block(line)
        else:
            events += self._progress(line)
        return events

    def _in_block(self, line: str) -> None:
        if line != _THIN:
            self._text.add(line)
        elif not self._in_trace:  # what stands above is the name, and the first line of documentation
            self._text, self._in_trace = Excerpt(), True

    def _begin_block(self, line: str) -> None:
        self._in_head = self._in_trace = False
        found = _BLOCK.fullmatch(line)
        if found is not None and self._blocks < MAX_BLOCKS:
            self._blocks += 1
            node = dotted_name(found[2], found[3]) if found[3] else found[2]
            if (found[3] or "").startswith(_LOADER):
                self._unloaded.add(node)
            self._block = (_WORDS[found[1]], node, found[4] or "")

    def _progress(self, line: str) -> list[Event]:
        found = _NODE.fullmatch(line)
        if found is not None and (found[4] is not None or _is_title(found[1], found[2])):
            node, part, said = dotted_name(found[1], found[2]), found[3] or "", found[4]
            self._verbose = True
            if line.startswith("  "):
                self._note_part(node, part, said or "")
                return []
            self._node = node
            return self._take(said) if said is not None else []
        if not self._node:
            return []
        _, dots, said = line.rpartition(" ... ")  # behind the first line of its docstring
        return self._take(said if dots else line)

    def _take(self, said: str) -> list[Event]:
        outcome, reason = _PLAIN.get(said.rstrip(), ""), ""
        if not outcome and said.startswith("skipped ") and said[-1] in "'\"":
            outcome, reason = "skipped", said.removeprefix("skipped ")[1:-1]
        if not outcome:
            return []
        node, self._node = self._node, ""
        case = case_of_unittest(node)
        parts = self._parts.pop(node, None)
        if parts:
            case["subtests"], case["subtest_count"] = parts, len(parts)
        case["outcome"] = outcome
        if reason:
            case["reason"] = reason
        if outcome in BAD and len(self._open) < MAX_OPEN:
            self._open[node] = case
        else:
            case["done"] = True
        return [CaseSeen(case.copy())]

    def _note_part(self, node: str, name: str, said: str) -> None:
        outcome = _PLAIN.get(said.rstrip()) or ("skipped" if said.startswith("skipped ") else "")
        if not outcome:
            return
        if node == self._node:  # its own line has no verdict when a part has failed
            case = self._open.setdefault(node, case_of_unittest(node))
            if outcome in BAD and case.get("outcome") != "error":
                case["outcome"] = outcome
            if "outcome" not in case:
                del self._open[node]
        parts = self._parts.setdefault(node, [])
        if len(parts) < MAX_SUBTESTS:
            parts.append({"name": name, "outcome": outcome})

    def _close(self) -> None:
        """Give what a block says to its case."""
        block, self._block = self._block, None
        text, self._text = self._text, Excerpt()
        if block is None:
            return
        outcome, node, part = block
        phase = "collect" if node in self._unloaded else _FIXTURES.get(node.rpartition(".")[2], "")
        case = self._open.get(node)
        if case is None:
            if self._verbose or len(self._open) >= MAX_OPEN:  # a block that a test has printed
                return
            case = self._open[node] = case_of_unittest(node)
        failure, output = _failure(text.lines())
        if case.get("outcome") not in BAD or outcome == "error":
            case["outcome"] = outcome
        if phase:
            case["phase"] = phase
        if output:
            case["output"] = output
        if part.startswith(("[", "(")):
            parts = case.setdefault("subtests", self._parts.pop(node, []))
            parts[:] = [each for each in parts if each["name"] != part or each["outcome"] not in BAD]
            if len(parts) < MAX_SUBTESTS:
                parts.append({"name": part, "outcome": outcome, "failure": failure})
            case["subtest_count"] = len(parts)
        if failure.get("stacktrace"):
            case.setdefault("failure", failure)

    def _read_end(self, line: str) -> None:
        found = _END.fullmatch(line)
        if found is None or self._totals is None or "outcome" in self._totals:
            return
        counts = {_COUNTS[word.strip()]: whole_number(number)
                  for word, number in _COUNT.findall(found[2] or "") if word.strip() in _COUNTS}  # fmt: skip
        ran = self._totals.get("ran", 0)
        self._totals["counts"] = {"passed": max(0, ran - sum(counts.values())), **counts}
        outcome = {"OK": "passed", "FAILED": "failed", "NO TESTS RAN": "empty"}[found[1]]
        self._totals["outcome"] = "empty" if not ran and outcome == "passed" else outcome

    def end(self) -> list[Event]:
        """Return what was held back; see :meth:`Parser.end`."""
        self._close()
        told: list[Event] = []
        for case in self._open.values():
            case["done"] = True
            told.append(CaseSeen(case))
        return [*told, RunEnded(self._totals or {})]


def _failure(lines: list[str]) -> tuple[Failure, dict[str, str]]:
    """Read a traceback, and what was captured with `--buffer`."""
    streams: dict[str, list[str]] = {}
    trace: list[str] = []
    current = trace
    for line in lines:
        if line in {"Stdout:", "Stderr:"}:
            current = streams.setdefault(f"call {line[:-1].lower()}", [])
        else:
            current.append(line)
    output = {name: text for name, kept in streams.items() if (text := "\n".join(kept).strip("\n"))}
    return failure_of_traceback(trace), output
