"""Sources and forms by number, for all blocks: `source`, `form`, `pattern`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from pylogtap_collector.parts.faces import Form, Source, class_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.parts.numbers import Ints

T = TypeVar("T")
_INSERT_SOURCE = "INSERT OR IGNORE INTO source (id, project, service, instance, pid) VALUES (?, ?, ?, ?, ?)"
_INSERT_FORM = """
    INSERT OR IGNORE INTO form
        (id, level, severity, logger, template, pattern, file, line, function, literals)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_PATTERN = "INSERT OR IGNORE INTO pattern (id, template) VALUES (?, ?)"
_decode_literals = msgspec.json.Decoder(tuple[str, ...]).decode


class Numbered:
    """
    The dictionary of a store, in memory. Any thread may read; numbers are given by one task.

    A number is given before the transaction that stores what it stands for, and stored in it; when that
    fails, the next one stores it.
    """

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._forms: list[Form] = []
        self._source_ids: dict[Source, int] = {}
        self._form_ids: dict[Form, int] = {}
        self._classes = np.empty(0, np.int64)
        self._stored = [0, 0]
        self._lock = threading.Lock()

    def load(self, connection: sqlite3.Connection) -> None:
        """Take up what is stored."""
        sources = connection.execute("SELECT project, service, instance, pid FROM source ORDER BY id")
        forms = connection.execute(
            """
            SELECT level, severity, logger, form.template, pattern.template, file, line, function, literals
            FROM form LEFT JOIN pattern ON pattern.id = form.pattern ORDER BY form.id
            """
        )
        with self._lock:
            self._sources = [Source(*row) for row in sources]
            self._forms = [Form._make((*facts, _decode_literals(literals))) for *facts, literals in forms]
            self._source_ids = {source: number for number, source in enumerate(self._sources)}
            self._form_ids = {form: number for number, form in enumerate(self._forms)}
            self._stored = [len(self._sources), len(self._forms)]

    def patterns(self) -> set[str]:
        """Return all patterns."""
        return {form.pattern for form in self._forms}

    def source_ids(self, sources: Sequence[Source]) -> list[int]:
        """Return the number of each source, a new one where it has none."""
        return self._numbers(self._source_ids, self._sources, sources)

    def form_ids(self, forms: Sequence[Form]) -> list[int]:
        """Return the number of each form, a new one where it has none."""
        return self._numbers(self._form_ids, self._forms, forms)

    def sources(self, ids: Sequence[int]) -> tuple[Source, ...]:
        """Return sources by their numbers."""
        known = self._sources
        return tuple([known[number] for number in ids])

    def forms(self, ids: Sequence[int]) -> tuple[Form, ...]:
        """Return forms by their numbers."""
        known = self._forms
        return tuple([known[number] for number in ids])

    def classes(self, last: int) -> Ints:
        """
        Return the class of level of each form by its number.

        Args:
            last: The highest number that is asked for.
        """
        known = self._classes
        if last >= len(known):
            more = [class_of(form.severity) for form in self._forms[len(known) :]]
            known = self._classes = np.concatenate([known, np.array(more, np.int64)])
        return known

    def store(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """
        Store what is new.

        Args:
            connection: In the transaction that stores what uses it.

        Returns:
            How much is stored now, for :meth:`stored` once the transaction is on the disk.
        """
        sources, forms = self._stored
        heard, fresh = self._sources[sources:], self._forms[forms:]
        connection.executemany(
            _INSERT_SOURCE, [(number, *source) for number, source in enumerate(heard, sources)]
        )
        connection.executemany(_INSERT_PATTERN, [(form.pattern_id, form.pattern) for form in fresh])
        connection.executemany(
            _INSERT_FORM,
            [
                (number, *form[:4], form.pattern_id, *form[5:8], msgspec.json.encode(form.literals).decode())
                for number, form in enumerate(fresh, forms)
            ],
        )
        return sources + len(heard), forms + len(fresh)

    def stored(self, counts: tuple[int, int]) -> None:
        """Remember that what :meth:`store` returned is on the disk."""
        self._stored = [max(pair) for pair in zip(self._stored, counts, strict=True)]

    def _numbers(self, numbers: dict[T, int], known: list[T], things: Sequence[T]) -> list[int]:
        found = []
        with self._lock:
            for thing in things:
                number = numbers.get(thing)
                if number is None:
                    number = numbers[thing] = len(known)
                    known.append(thing)
                found.append(number)
        return found
