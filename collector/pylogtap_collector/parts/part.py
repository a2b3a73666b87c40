"""
Some thousands of records by columns.

Rows are ordered by source, time and id, so that what belongs together lies together. Three numbers tell what
else a row has: its *source* (place and process), its *form* (call site, literals of the message) and its
*shape* (names of the columns that it has a value in). All pieces of messages are numbered in one list of
texts; ``pieces`` holds their numbers form by form, and within a form piece by piece.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.parts.columns import Column
    from pylogtap_collector.parts.faces import Form, Source
    from pylogtap_collector.parts.numbers import Codes, Ints, Mask
    from pylogtap_collector.parts.texts import Texts

FIELD = "a."  # before the name of an attribute: a column of what the program said
EXTRA = "x."  # before the name of what only some records have
EXCEPTION, TRACE, SPAN, THREAD, TEST = "exception", "trace", "span", "thread", "test"
MAIN_THREAD = "MainThread"  # of records that say nothing of a thread, where their process is known
_FEW = 8  # forms, of which rows are found one form after the other


class Head(NamedTuple):
    """
    What is known of a part without looking at its rows.

    Attributes:
        rows: How many there are.
        first_id: The lowest id.
        last_id: The highest.
        first_time: The earliest time, ns since the epoch.
        last_time: The latest.
        sources: Sources of its rows.
        forms: Forms of its rows.
        shapes: For each shape, the names of its columns.
        source_counts: Rows of each source.
        form_counts: Rows of each form.
        form_first: Earliest time of each form.
        form_last: Latest time of each form.
        slices: Number of each slice that its rows came with, growing.
        received: When each slice came, ns since the epoch.
        kinds: Kind of each column that only some rows have, by its name.
        pieces: How many pieces messages of each form have.
        form_ids: Number of each form in the store; None where the part is not in it.
    """

    rows: int
    first_id: int
    last_id: int
    first_time: int
    last_time: int
    sources: tuple[Source, ...]
    forms: tuple[Form, ...]
    shapes: tuple[tuple[str, ...], ...]
    source_counts: Ints
    form_counts: Ints
    form_first: Ints
    form_last: Ints
    slices: Ints
    received: Ints
    kinds: dict[str, str]
    pieces: Ints
    form_ids: Ints | None = None


def pieces_of(forms: Sequence[Form]) -> Ints:
    """Return how many pieces messages of each form have."""
    return np.array([len(form.literals) - 1 for form in forms], np.int64)


class Having:
    """Which shapes have which columns; there may be thousands of both."""

    def __init__(self, shapes: Sequence[tuple[str, ...]]) -> None:
        """
        Look at all of them once.

        Args:
            shapes: For each, the names of its columns.
        """
        self._count = len(shapes)
        self._numbers: dict[str, list[int]] = {}
        for number, names in enumerate(shapes):
            for name in names:
                self._numbers.setdefault(name, []).append(number)

    def of(self, name: str) -> Mask:
        """Return of each shape whether it has a column."""
        having = np.zeros(self._count, np.bool_)
        having[self._numbers.get(name, [])] = True
        return having


class Columns(Protocol):
    """The columns of a part, loaded as they are asked for."""

    def __call__(self, name: str, /) -> Any:
        """Return a column."""
        ...

    def some(self, name: str, places: Ints, /) -> Any:
        """Return the items at some places of a column of integers: of few, without the others."""
        ...


class Held:
    """Columns in memory."""

    def __init__(self, columns: dict[str, Any]) -> None:
        """Take columns by their names."""
        self._columns = columns

    def __call__(self, name: str) -> Any:
        """Return a column."""
        return self._columns[name]

    def some(self, name: str, places: Ints) -> Any:
        """Return the items at some places of a column."""
        return self._columns[name][places]


class Part:
    """Rows, loaded column by column as they are asked for."""

    def __init__(self, head: Head, load: Columns, words: bytes | None = None) -> None:
        """
        Describe a part.

        Args:
            head: What is known of it.
            load: Its columns by their names: `ids`, `times` (int64), `source`, `form`, `shape`, `pieces`
                (int32), `texts` (:class:`Texts`), or a name that a shape has (:class:`Column`).
            words: Filter of the words in pieces of messages, and of values, see
                :mod:`pylogtap_collector.parts.bloom`; None: there is none.
        """
        self.head = head
        self.load = load
        self.words = words

    @property
    def ids(self) -> Ints:
        """Id of each row."""
        found: Ints = self.load("ids")
        return found

    @property
    def times(self) -> Ints:
        """Time of each row, ns since the epoch."""
        found: Ints = self.load("times")
        return found

    @property
    def source(self) -> Codes:
        """Number of each row's source."""
        found: Codes = self.load("source")
        return found

    @property
    def form(self) -> Codes:
        """Number of each row's form."""
        found: Codes = self.load("form")
        return found

    @property
    def shape(self) -> Codes:
        """Number of each row's shape."""
        found: Codes = self.load("shape")
        return found

    @property
    def texts(self) -> Texts:
        """All pieces of messages."""
        found: Texts = self.load("texts")
        return found

    def some(self, name: str, rows: Ints) -> Ints:
        """Return what some rows have in a column: `ids`, `times`, `source`, `form` or `shape`."""
        found: Ints = self.load.some(name, rows)
        return found

    def column(self, name: str) -> Column:
        """Return a column that some shape has."""
        found: Column = self.load(name)
        return found

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of all columns that rows have besides those of every record."""
        return frozenset(name for shape in self.head.shapes for name in shape)

    @cached_property
    def _by_form(self) -> Ints:
        return np.argsort(self.form, kind="stable")  # of 16-bit numbers: a radix sort

    @cached_property
    def _form_starts(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.head.form_counts)])

    def rows_of_form(self, number: int) -> Ints:
        """Return the rows of a form, in their order."""
        if "_by_form" not in self.__dict__:
            return np.flatnonzero(self.form == number)
        return self._by_form[self._form_starts[number] : self._form_starts[number + 1]]

    def slots_of_form(self, number: int) -> Ints:
        """Return the slots of a form's rows, see :meth:`rows_at`."""
        return np.arange(self._form_starts[number], self._form_starts[number + 1])

    def rows_at(self, slots: Ints) -> Ints:
        """
        Return rows by their slots.

        Args:
            slots: Rows counted form by form, and within a form in the order of rows: of these more is known
                before columns are loaded.
        """
        if "_by_form" in self.__dict__ or len(slots) > self.head.rows >> 3:
            return self._by_form[slots]
        forms = self.forms_at(slots)
        different = np.unique(forms).tolist()
        if len(different) > _FEW:
            return self._by_form[slots]
        rows = np.empty(len(slots), np.int64)
        for form in different:
            wanted = forms == form
            rows[wanted] = self.rows_of_form(form)[slots[wanted] - self._form_starts[form]]
        return rows

    def forms_at(self, slots: Ints) -> Ints:
        """Return the forms of rows by their slots, see :meth:`rows_at`."""
        return np.searchsorted(self._form_starts, slots, side="right") - 1

    @cached_property
    def _piece_starts(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.head.form_counts * self.head.pieces)])

    def pieces_of_form(self, number: int) -> list[Codes]:
        """Return for each piece of a form's messages the numbers of its texts, one for each of its rows."""
        count = int(self.head.form_counts[number])
        start = int(self._piece_starts[number])
        pieces: Codes = self.load("pieces")
        return [
            pieces[start + count * piece : start + count * (piece + 1)]
            for piece in range(int(self.head.pieces[number]))
        ]

    def slots_with(self, codes: Codes) -> Ints:
        """Return the slots of the rows that have one of some texts as a piece of their message, growing."""
        if not len(codes):
            return np.empty(0, np.int64)
        pieces: Codes = self.load("pieces")
        if len(codes) == 1:
            found = np.flatnonzero(pieces == codes[0])
        else:
            wanted = np.zeros(len(self.texts), np.bool_)
            wanted[codes] = True
            found = np.flatnonzero(wanted[pieces])
        forms = np.searchsorted(self._piece_starts, found, side="right") - 1
        among = (found - self._piece_starts[forms]) % np.maximum(self.head.form_counts, 1)[forms]
        slots = np.zeros(self.head.rows, np.bool_)
        slots[self._form_starts[forms] + among] = True
        return np.flatnonzero(slots)

    def rows_of_column(self, name: str) -> Ints:
        """Return the rows that have a value in a column, in their order."""
        having = self.shapes_of_column(name)
        if having.all():
            return np.arange(self.head.rows)
        return np.flatnonzero(having[self.shape])

    def shapes_of_column(self, name: str) -> Mask:
        """Return of each shape whether its rows have a value in a column."""
        return self._having.of(name)

    @cached_property
    def _having(self) -> Having:
        return Having(self.head.shapes)

    def received(self, rows: Ints) -> Ints:
        """Return when rows came, ns since the epoch."""
        return self.head.received[np.searchsorted(self.head.slices, self.some("ids", rows) >> 16)]

    def messages(self, number: int, places: Sequence[int]) -> list[str]:
        """
        Return messages of a form.

        Args:
            number: The form.
            places: Which of its rows, counted from 0 among them.
        """
        literals = self.head.forms[number].literals
        if len(literals) == 1:
            return [literals[0]] * len(places)
        count, start = int(self.head.form_counts[number]), int(self._piece_starts[number])
        wanted = np.asarray(places, np.int64) + start
        columns = [
            self.texts.some(self.load.some("pieces", wanted + count * piece).tolist())
            for piece in range(len(literals) - 1)
        ]
        if len(columns) == 1:
            before, behind = literals
            return [f"{before}{piece}{behind}" for piece in columns[0]]
        between = [literal.replace("%", "%%") for literal in literals]
        template = "%s".join(between)
        return [template % pieces for pieces in zip(*columns, strict=True)]
