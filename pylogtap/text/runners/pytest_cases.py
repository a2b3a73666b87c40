"""The cases of one session of pytest, put together of what different parts of its output say of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pylogtap.cases.facts import MAX_ITEMS, MAX_SUBTESTS, CaseFacts, Subtest
from pylogtap.text.runners.model import BAD, MAX_OPEN, CaseSeen, failure_of
from pylogtap.text.runners.names import case_of_pytest, headline_of
from pylogtap.text.runners.pytest_lines import RERUN, Verdict
from pylogtap.text.runners.python import named_exception

if TYPE_CHECKING:
    from collections.abc import Collection

    from pylogtap.text.runners.model import Event
    from pylogtap.text.runners.pytest_blocks import Described
    from pylogtap.text.runners.pytest_summary import Entry, Listed

_PART = "sub"
_RANKS = {"failed": 2, "error": 1}  # what outweighs what, of several entries for one node
_NAMED = re.compile(r"([^\[(]*?(?:\[[^\]]*\])?) ([\[(].*)", re.DOTALL)


class Cases:
    """
    Keeps cases that failed until the sections at the end describe them.

    What has passed is told and forgotten.
    """

    def __init__(self) -> None:
        """Begin without cases."""
        self._open: dict[str, CaseFacts] = {}
        self._parts: dict[str, CaseFacts] = {}  # attempts and parts of the case that runs, by node
        self._by_name: dict[str, list[str]] = {}
        self._described: set[str] = set()
        self._guessed: set[str] = set()  # nodes that no line names as a whole

    def take(self, found: Verdict) -> list[Event]:
        """Take a verdict of a case, or of a part or an attempt of it."""
        node = found.node
        if found.word == RERUN or found.word.startswith(_PART):
            self._note_part(found)
            return []
        case = self._open.get(node)
        if case is None:
            case = {**case_of_pytest(node), **self._parts.pop(node, {})}
        outcome = found.word
        if case.get("outcome") == "failed" and outcome == "error":
            return []  # the test itself failed; that taking down did as well is told in the end
        if outcome == "passed" and any(part["outcome"] in BAD for part in case.get("subtests", ())):
            outcome = "failed"
        case["outcome"] = outcome
        if found.worker:
            case["worker"] = found.worker
        if found.took is not None:
            case["duration"] = case.get("duration", 0.0) + found.took
        if found.detail:
            case["reason"] = found.detail
        if outcome in BAD and len(self._open) < MAX_OPEN:
            self._open[node] = case
        else:
            case["done"] = True
        return [CaseSeen(case.copy())]

    def again(self, node: str, word: str) -> list[Event]:
        """Take a verdict that stands below what a case printed; the last one counts."""
        self._open.pop(node, None)
        return self.take(Verdict(node, word))

    def _note_part(self, found: Verdict) -> None:
        if len(self._parts) >= MAX_OPEN and found.node not in self._parts:
            return
        parts = self._parts.setdefault(found.node, {})
        if found.word == RERUN:
            attempts = parts.setdefault("attempts", [])
            if len(attempts) < MAX_ITEMS:
                attempts.append({"outcome": "failed"})
            return
        parts["subtest_count"] = parts.get("subtest_count", 0) + 1
        subtests = parts.setdefault("subtests", [])
        outcome = found.word.removeprefix(_PART)
        if len(subtests) < MAX_SUBTESTS:
            subtests.append({"name": found.detail, "outcome": outcome})

    def close(self, blocks: list[Described], listed: Listed, files: Collection[str]) -> list[Event]:
        """
        Return all cases of which more is known at the end.

        Args:
            blocks: Descriptions of failures.
            listed: The short test summary.
            files: Files that had cases, where only dots were shown.
        """
        for entry in listed.entries:
            self._list(entry, blocks)
        for node in self._open:
            self._by_name.setdefault(headline_of(node) or node, []).append(node)
        for block in blocks:
            self._describe(block, files)
        told: list[Event] = []
        for case in self._open.values():
            case["done"] = True
            told.append(CaseSeen(case))
        return told

    def _list(self, entry: Entry, blocks: list[Described]) -> None:
        """Take an entry of the summary: of several nodes that it may mean, one that is known."""
        candidates = entry.candidates()
        known = [pair for pair in candidates if pair[0] in self._open]
        if not known and len(candidates) > 2:
            names = {block.name for block in blocks}
            known = [pair for pair in candidates if headline_of(pair[0]) in names]
        node, message = (known or candidates)[0]
        case = self._open.get(node)
        if case is None:
            case = self._open[node] = case_of_pytest(node)
        if _RANKS.get(entry.outcome, 0) >= _RANKS.get(case.get("outcome", ""), -1):
            case["outcome"] = entry.outcome
        if "::" not in node and entry.outcome == "error":
            case["phase"] = "collect"
        if message and entry.outcome in BAD:
            case.setdefault("failure", failure_of(*named_exception(message), ""))
        elif message:
            case.setdefault("reason", message)

    def _describe(self, block: Described, files: Collection[str]) -> None:
        nodes = self._by_name.get(block.name, [])
        for node in nodes:  # those of one name are described in the order in which they ran
            case = self._open[node]
            if node in self._guessed and block.outcome == "failed":  # the test itself counts
                case["outcome"] = "failed"
                self._described.discard(node)
            if node not in self._described and case["outcome"] == block.outcome:
                self._described.add(node)
                self._fill(case, block)
                return
        if nodes:
            return
        whole = _NAMED.fullmatch(block.name)
        name = whole[1] if whole else block.name
        known = self._by_name.get(name, [])
        if not known and block.first_file in files:
            case = case_of_pytest(_node_of(block.first_file, name))
            case["outcome"] = block.outcome
            self._open[case["node"]] = case
            self._guessed.add(case["node"])
            known = self._by_name.setdefault(name, [case["node"]])
            if not whole:
                self._described.add(case["node"])
                self._fill(case, block)
        if known and whole:
            self._describe_part(self._open[known[0]], whole[2], block)

    def _fill(self, case: CaseFacts, block: Described) -> None:
        case["phase"], case["failure"] = block.phase, block.failure
        if block.output:
            case["output"] = block.output
        if block.crashed:
            case["crashed"] = True

    def _describe_part(self, case: CaseFacts, name: str, block: Described) -> None:
        parts = case.setdefault("subtests", [])
        described: Subtest = {"name": name, "outcome": block.outcome, "failure": block.failure}
        for index, part in enumerate(parts):
            if part["outcome"] == block.outcome and "failure" not in part:
                parts[index] = described
                return
        if len(parts) < MAX_SUBTESTS:
            parts.append(described)


def _node_of(file: str, headline: str) -> str:
    plain, bracket, parameters = headline.partition("[")
    return "::".join([file, *plain.split(".")]) + bracket + parameters
