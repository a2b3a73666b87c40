"""What a test item says of itself: its place, its parameters, its markers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases.facts import MAX_ITEMS, MAX_NAME, CaseFacts, shorten
from pylogtap.cases.identity import case_id
from pylogtap.redact import REDACTED
from pylogtap.values import Degrader, well_formed

if TYPE_CHECKING:
    from pylogtap.redact import Redactor

_MAX_PARAMETER = 200  # characters of one parameter
_MOST_REPEATS = 10_000  # of an item in one round
_MAX_PLAIN = _MAX_PARAMETER // 5  # characters of a text whose representation is short, whatever is in it
_MAX_INT = 1 << 63
_SIMPLE = frozenset({bool, float, type(None)})
_EVIDENT = frozenset({"parametrize"})  # what it did stands in the parameters


class Items:
    """Describes the items of one process. What neighbours share is found out once."""

    def __init__(self, run: str, worker: str, redactor: Redactor, *, every_worker: bool) -> None:
        """
        Bind a run.

        Args:
            run: Its id.
            worker: The name of this process among several; empty: there is only one.
            redactor: Judges names of parameters.
            every_worker: Each process runs all cases, so the worker is a part of their ids.
        """
        self._run, self._worker, self._redactor = run, worker, redactor
        self._id_worker = worker if every_worker else ""
        self._twins: dict[int, int] = {}  # by item: how many of the same node stand before it
        self._first = self._last = 0  # the items that came first and last
        self._rounds = self._again = 0
        self._parent: Any = None  # whose children came last
        self._group = ""
        self._markers: tuple[str, ...] = ()

    def count_twins(self, items: list[pytest.Item]) -> None:
        """
        Find items of the same node, which have to get different ids; all processes find the same.

        Args:
            items: All that are to run, in their order.
        """
        self._twins.clear()
        if len({item.nodeid for item in items}) == len(items):
            return
        seen: dict[str, int] = {}
        for item in items:
            count = seen[item.nodeid] = seen.get(item.nodeid, -1) + 1
            if count:
                self._twins[id(item)] = count

    def describe(self, item: pytest.Item) -> CaseFacts:
        """
        Return what is known of an item that begins to run.

        Args:
            item: The item.
        """
        node = item.nodeid
        occurrence = self._repeats(id(item))
        if self._twins:
            occurrence += self._twins.get(id(item), 0)
        if item.parent is not self._parent:
            self._look_at(item.parent)
        file, line, _ = item.location
        name = item.name
        is_plain = len(node) <= MAX_NAME and node.isascii()  # then its parts are as well
        facts: CaseFacts = {
            "id": case_id(self._run, node, occurrence, self._id_worker),
            "node": node if is_plain else well_formed(shorten(node, MAX_NAME)),
            "file": file if file.isascii() else well_formed(file),
            "name": name if is_plain and name.isascii() else well_formed(shorten(name, MAX_NAME)),
            "started": time.time_ns(),
        }
        if line is not None:
            facts["line"] = line + 1
        if self._group:
            facts["group"] = self._group
        if self._worker:
            facts["worker"] = self._worker
        own = [mark.name for mark in item.own_markers if mark.name not in _EVIDENT]
        if own or self._markers:
            facts["markers"] = list(dict.fromkeys((*own, *self._markers)))[:MAX_ITEMS]
        callspec = getattr(item, "callspec", None)
        if callspec is not None:
            facts["parameters"] = self._parameters(callspec.params)
        return facts

    def _repeats(self, item: int) -> int:
        """Return how often an item ran before: some plugins run one item, or all of them, in a loop."""
        if item == self._last:
            self._again += 1
        else:
            self._again = 0
            if item == self._first:
                self._rounds += 1
        self._first, self._last = self._first or item, item
        return self._rounds * _MOST_REPEATS + self._again

    def _look_at(self, parent: Any) -> None:
        """Take what all children of a collector share: the classes around them, and their markers."""
        classes: list[str] = []
        markers: list[str] = []
        node = parent
        while node is not None:
            if isinstance(node, pytest.Class):
                classes.append(node.name)
            markers += [mark.name for mark in getattr(node, "own_markers", ()) if mark.name not in _EVIDENT]
            node = node.parent
        self._parent = parent
        self._group = well_formed(shorten("::".join(reversed(classes)), MAX_NAME))
        self._markers = tuple(markers)

    def _parameters(self, parameters: dict[str, Any]) -> dict[str, str]:
        return {
            well_formed(str(name)[:_MAX_PARAMETER]): self._short(str(name), value)
            for name, value in list(parameters.items())[:MAX_ITEMS]
        }

    def _short(self, name: str, value: Any) -> str:
        """Return a parameter as a short text; nothing of it where its name says that it is a secret."""
        if self._redactor.is_secret(name):
            return REDACTED
        kind = type(value)
        if kind in _SIMPLE or (kind is str and len(value) <= _MAX_PLAIN and value.isascii()):
            return repr(value)
        if kind is int and -_MAX_INT < value < _MAX_INT:
            return repr(value)
        if type(value) in {str, bytes} and len(value) > _MAX_PARAMETER:
            return well_formed(f"{value[:_MAX_PARAMETER]!r}… [{len(value)} in all]")
        text = Degrader(self._redactor).represent_argument(name, value)
        return text if len(text) <= _MAX_PARAMETER else f"{text[:_MAX_PARAMETER]}…"
