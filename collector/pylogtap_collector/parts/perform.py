"""Questions about forms, answered once for each form however many parts it stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.parts.faces import Form
    from pylogtap_collector.parts.numbers import Mask
    from pylogtap_collector.parts.part import Head

T = TypeVar("T")
_UNKNOWN = 2


class PerForm(Generic[T]):
    """What a function says of each form."""

    def __init__(self, function: Callable[[Form], T]) -> None:
        """
        Ask nothing yet.

        Args:
            function: Of a form.
        """
        self._function = function
        self._known = np.full(256, _UNKNOWN, np.int8)
        self._others: dict[int, Any] = {}

    def flags(self, head: Head) -> Mask:
        """Return for each form of a part whether the function says anything true of it."""
        ids = head.form_ids
        if ids is None:
            return np.fromiter(map(bool, map(self._function, head.forms)), np.bool_, len(head.forms))
        try:
            found = self._known[ids]
        except IndexError:
            known = np.full(2 * int(ids.max()) + 2, _UNKNOWN, np.int8)
            known[: len(self._known)] = self._known
            self._known, found = known, known[ids]
        unknown = found == _UNKNOWN
        if unknown.any():
            for place in np.flatnonzero(unknown).tolist():
                found[place] = self._known[ids[place]] = bool(self._function(head.forms[place]))
        return found.view(np.bool_)

    def of(self, head: Head, number: int) -> T:
        """Return what the function says of one form of a part."""
        if head.form_ids is None:
            return self._function(head.forms[number])
        key = int(head.form_ids[number])
        if key not in self._others:
            self._others[key] = self._function(head.forms[number])
        found: T = self._others[key]
        return found
