"""Read records: pages, single ones, neighbours, ids. Times are ns since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.parts.evaluation import Evaluation, asks_annotations, is_lasting
from pylogtap_collector.parts.rows import logs_of
from pylogtap_collector.query import query_of
from pylogtap_collector.query.ast import And, Compare
from pylogtap_collector.storage.annotations import annotations_of, every_annotation
from pylogtap_collector.storage.connections import check_deadline

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.models import Log, Order
    from pylogtap_collector.parts.numbers import Ints, Mask
    from pylogtap_collector.parts.part import Part
    from pylogtap_collector.query import Query
    from pylogtap_collector.query.ast import Node
    from pylogtap_collector.storage.tiers import Tier, Tiers


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Which records are meant.

    Attributes:
        query: The condition.
        since_ns: Only records from then on.
        until_ns: Only records before.
        last_id: Only records up to this one: what came later is not meant.
    """

    query: Query
    since_ns: int | None = None
    until_ns: int | None = None
    last_id: int | None = None

    def evaluation(self, connection: sqlite3.Connection) -> Evaluation:
        """Return the condition, ready to be asked of parts."""
        tree = self.query.tree
        known = every_annotation(connection) if asks_annotations(tree) else {}
        return Evaluation(tree, self.query.now_ns, known)

    def rows(self, evaluation: Evaluation, part: Part) -> Ints:
        """Return the rows of a part that are meant."""
        rows = evaluation.rows(part, self.since_ns, self.until_ns)
        if self.last_id is not None and part.head.last_id > self.last_id:
            rows = rows[part.ids[rows] <= self.last_id]
        return rows

    def holds(self, tier: Tier) -> bool:
        """Tell whether all records of a part lie within the stretch of time that is meant."""
        return (
            (self.since_ns is None or self.since_ns <= tier.first_time)
            and (self.until_ns is None or tier.last_time < self.until_ns)
            and (self.last_id is None or tier.last_id <= self.last_id)
        )

    def key_for(self, tier: Tier) -> tuple[str, tuple[int, int]] | None:
        """Return the name under which a count of a part's records is kept; None: it may change."""
        name = tier.lasting
        if name is None or not is_lasting(self.query.tree) or not self.holds(tier):
            return None
        return str(self.query), name


_OPEN = 4  # parts of a page that are open at once


class Found(NamedTuple):
    """A record with its exact place in the order of time."""

    time_ns: int
    log: Log


def page(
    tiers: Tiers,
    connection: sqlite3.Connection,
    selection: Selection,
    order: Order,
    limit: int,
    behind: tuple[int, int] | None = None,
    most_bytes: int | None = None,
) -> list[Found]:
    """
    Return records in the order of their time; those of the same time in the order of arrival.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which.
        order: `asc`: the oldest first.
        limit: How many at most.
        behind: Time and id of the record behind which to begin.
        most_bytes: End with the record by which they weigh more, see :func:`weight_of`; None: however much.
    """
    forward = order == "asc"
    evaluation = selection.evaluation(connection)
    since, until = selection.since_ns, selection.until_ns
    if behind is not None:
        since, until = (behind[0], until) if forward else (since, behind[0] + 1)
    best = _Best(limit, most_bytes, forward=forward)
    for tier in tiers.all(connection, since, until, oldest_first=forward):
        check_deadline()
        if best.full and best.beyond(tier.first_time if forward else tier.last_time):
            break
        key = selection.key_for(tier)
        if tiers.shelf.remembered(key) == 0 or not evaluation.possible(tier.head, tier.words):
            continue
        part = tier.open()
        rows = selection.rows(evaluation, part)
        tiers.shelf.remember(key, len(rows))
        if behind is not None and len(rows):
            rows = rows[_behind(part, rows, behind, forward=forward)]
        best.add(part, rows)
    return best.found(connection)


def _behind(part: Part, rows: Ints, place: tuple[int, int], *, forward: bool) -> Mask:
    times, ids = part.times[rows], part.ids[rows]
    if forward:
        behind: Mask = (times > place[0]) | ((times == place[0]) & (ids > place[1]))
    else:
        behind = (times < place[0]) | ((times == place[0]) & (ids < place[1]))
    return behind


class _Best:
    """
    The first rows of several parts in the order of time.

    Their records are made at the end, but for those of parts that are not the last few: rare ones may be in
    many blocks, and what is loaded of all of these would take much more memory than a cache may.
    """

    def __init__(self, limit: int, most_bytes: int | None, *, forward: bool) -> None:
        self._limit, self._most_bytes = limit, most_bytes
        self._sign = 1 if forward else -1
        self._rows: list[tuple[int, int, int, int]] = []  # signed time and id, part, row
        self._parts: dict[int, Part] = {}
        self._count = 0
        self._logs: dict[tuple[int, int], Log] = {}
        self._weight = 0  # of those that were made; only where it is bounded

    @property
    def full(self) -> bool:
        return len(self._rows) >= self._limit

    def beyond(self, time: int) -> bool:
        """Tell whether a record of that time comes behind all that were found."""
        return self._rows[-1][0] < time * self._sign

    def add(self, part: Part, rows: Ints) -> None:
        if not len(rows):
            return
        times, ids = part.times[rows] * self._sign, part.ids[rows] * self._sign
        if len(rows) > self._limit:
            nearest = np.argpartition(times, self._limit - 1)[: self._limit]
            edge = times[nearest].max()
            some = np.flatnonzero(times <= edge)  # with all of the same time: their ids decide
            rows, times, ids = rows[some], times[some], ids[some]
        first = np.lexsort((ids, times))[: self._limit]
        number = self._count = self._count + 1
        self._parts[number] = part
        self._rows += [
            (time, log_id, number, row)
            for time, log_id, row in zip(
                times[first].tolist(), ids[first].tolist(), rows[first].tolist(), strict=True
            )
        ]
        self._rows.sort()
        del self._rows[self._limit :]
        if len(self._parts) > _OPEN:
            self._make(next(iter(self._parts)))

    def _make(self, number: int) -> None:
        """Make the records of a part, and let go of it."""
        part = self._parts.pop(number)
        rows = [row for _, _, of, row in self._rows if of == number]
        if rows:
            made = logs_of(part, np.array(rows, np.int64))
            self._logs |= {(number, row): log for row, log in zip(rows, made, strict=True)}
            if self._most_bytes is not None:
                self._weight += sum(map(weight_of, made))
                if self._weight > self._most_bytes:
                    self._cut(self._most_bytes)

    def _cut(self, most_bytes: int) -> None:
        """Leave off where those that are made weigh too much: what is found later only comes before."""
        self._weight = 0
        for count, (_, _, number, row) in enumerate(self._rows, 1):
            log = self._logs.get((number, row))
            self._weight += 0 if log is None else weight_of(log)
            if self._weight > most_bytes:
                self._limit = count
                for _, _, other, place in self._rows[count:]:
                    self._logs.pop((other, place), None)
                del self._rows[count:]
                return

    def found(self, connection: sqlite3.Connection) -> list[Found]:
        for number in list(self._parts):
            self._make(number)
        ordered = [Found(time * self._sign, self._logs[number, row]) for time, _, number, row in self._rows]
        annotated = annotated_logs(connection, [each.log for each in ordered])
        return [Found(each.time_ns, log) for each, log in zip(ordered, annotated, strict=True)]


def weight_of(log: Log) -> int:
    """Return about how many characters a record has, of what may be long."""
    texts = [log.message, *(str(value) for value in log.attributes.values())]
    if log.exception is not None:
        texts += [log.exception.message, log.exception.stacktrace]
    return sum(map(len, texts))


def annotated_logs(connection: sqlite3.Connection, logs: list[Log]) -> list[Log]:
    """Return records with what people have added to them."""
    known = annotations_of(connection, [log.id for log in logs])
    if not known:
        return logs
    return [
        log.model_copy(update=dict(zip(("labels", "note"), known[log.id], strict=True)))
        if log.id in known
        else log
        for log in logs
    ]


def arrivals(
    tiers: Tiers, connection: sqlite3.Connection, selection: Selection, behind: int, limit: int
) -> tuple[list[Log], int]:
    """
    Return records in the order of their arrival.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which.
        behind: Id of the record behind which to begin.
        limit: How many at most.

    Returns:
        The records, and the id behind which to go on: that of the last one or, where these are all, of the
        last record that there is.
    """
    evaluation = selection.evaluation(connection)
    found: list[Log] = []
    last = behind
    for tier in tiers.behind(connection, behind):
        check_deadline()
        if evaluation.possible(tier.head, tier.words):
            part = tier.open()
            rows = selection.rows(evaluation, part)
            ids = part.ids[rows]
            rows = rows[np.argsort(ids)][np.searchsorted(np.sort(ids), behind, side="right") :]
            found += logs_of(part, rows[: limit - len(found)])
            if len(found) == limit:
                return annotated_logs(connection, found), found[-1].id
        last = max(last, tier.last_id)
    return annotated_logs(connection, found), last


def one(tiers: Tiers, connection: sqlite3.Connection, log_id: int) -> Found | None:
    """Return a record by its id."""
    tier = tiers.holding(connection, log_id)
    if tier is None:
        return None
    part = tier.open()
    rows = np.flatnonzero(part.ids == log_id)
    if not len(rows):
        return None
    return Found(int(part.times[rows[0]]), annotated_logs(connection, logs_of(part, rows))[0])


def neighbours(
    tiers: Tiers, connection: sqlite3.Connection, centre: Found, count: int
) -> tuple[list[Log], list[Log]]:
    """
    Return the records of the same instance around one.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        centre: The one.
        count: How many on each side.

    Returns:
        Those before and those behind it, each in the order of time.
    """
    if not count:
        return [], []
    log, place = centre.log, (centre.time_ns, centre.log.id)
    tree: Node = And(
        tuple(Compare(field, "=", getattr(log, field)) for field in ("project", "service", "instance"))
    )
    selection = Selection(query_of(tree))
    before = page(tiers, connection, selection, "desc", count, place)
    after = page(tiers, connection, selection, "asc", count, place)
    return [each.log for each in before[::-1]], [each.log for each in after]


def ids(
    tiers: Tiers, connection: sqlite3.Connection, selection: Selection, behind: int, limit: int
) -> list[int]:
    """
    Return ids of records in the order of their arrival.

    Args:
        tiers: Where records are.
        connection: In a transaction.
        selection: Which.
        behind: Id behind which to begin.
        limit: How many at most.
    """
    evaluation = selection.evaluation(connection)
    found: list[int] = []
    for tier in tiers.behind(connection, behind):
        check_deadline()
        if evaluation.possible(tier.head, tier.words):
            part = tier.open()
            ids = np.sort(part.ids[selection.rows(evaluation, part)])
            found += ids[ids > behind][: limit - len(found)].tolist()
            if len(found) == limit:
                break
    return found


def last_id(connection: sqlite3.Connection) -> int:
    """Return an id that every record has that came so far, and none that comes later goes below."""
    row = connection.execute(
        "SELECT max(coalesce((SELECT max(id) FROM hot), 0) << 16 | 65535, "
        "coalesce((SELECT max(last_id) FROM block), 0))"
    ).fetchone()
    return int(row[0])
