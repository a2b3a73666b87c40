"""
Log records that travel between the processes of a run.

A worker often hands its records to another process, by a queue, whose logger handles them again. Both are
under us: without a note that travels along, each record would be shipped by both.
"""

from __future__ import annotations

import logging
from typing import Any
from weakref import WeakSet

_NOTE = "_pylogtap_shipped"  # in a pickle alone: no formatter of the program ever sees it

_shipped: WeakSet[logging.LogRecord] = WeakSet()


def was_shipped(record: logging.LogRecord) -> bool:
    """Tell whether a process of this run has shipped a record, or what it is a copy of."""
    return record in _shipped


def note_shipped(record: logging.LogRecord) -> None:
    """Remember that a record was shipped, for as long as it exists."""
    _shipped.add(record)


def carry_notes(token: str) -> None:
    """
    Have copies and pickles of records say what became of the original.

    Args:
        token: Of this run; a note of another run says nothing here.
    """

    def take_state(self: logging.LogRecord) -> Any:
        state = object.__getstate__(self)
        return {**state, _NOTE: token} if isinstance(state, dict) and self in _shipped else state

    def give_state(self: logging.LogRecord, state: Any) -> None:
        values, slots = state if isinstance(state, tuple) else (state, {})
        values = dict(values or {})
        if values.pop(_NOTE, None) == token:
            _shipped.add(self)
        self.__dict__.update(values)
        for name, value in slots.items():
            setattr(self, name, value)

    logging.LogRecord.__getstate__ = take_state  # type: ignore[assignment]
    logging.LogRecord.__setstate__ = give_state  # type: ignore[attr-defined]
