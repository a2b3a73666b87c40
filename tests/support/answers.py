"""What a store answers, beside what a plain list of the same records does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pylogtap_collector.query.fields import text_form, values_of
from pylogtap_collector.storage import counts, logs, places
from pylogtap_collector.storage.logs import Selection
from tests.support.queries import KEYS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from pylogtap_collector.models import Log
    from pylogtap_collector.storage.tiers import Tiers

    Records = dict[int, tuple[int, Log]]  # time in ns, and record, by its id

MINUTE_NS = 60 * 10**9
FIELDS = [
    "level", "project", "instance", "logger", "message", "template", "thread", "exception", "test", "line",
    "id", "label.team", "note", *KEYS, "user.order",
]  # fmt: skip
_PAGE = 11


def all_pages(tiers: Tiers, connection: sqlite3.Connection, selection: Selection, order: Any) -> list[Log]:
    """Return all records of a selection, page by page."""
    found: list[logs.Found] = []
    while True:
        behind = (found[-1].time_ns, found[-1].log.id) if found else None
        following = logs.page(tiers, connection, selection, order, _PAGE, behind)
        found += following
        if len(following) < _PAGE:
            return [each.log for each in found]


def check_counts(
    tiers: Tiers, connection: sqlite3.Connection, selection: Selection, wanted: list[tuple[int, Log]]
) -> None:
    """Compare what is counted of a selection with the records that it has, in the order of their time."""
    found = [log for _, log in wanted]
    assert counts.count(tiers, connection, selection) == len(wanted)
    patterns = counts.by_pattern(tiers, connection, selection, 10_000)
    assert {each.id: each.count for each in patterns} == Counter(log.pattern_id for log in found)
    for each in patterns:
        own = [log for log in found if log.pattern_id == each.id]
        assert (each.first, each.last) == (min(log.time for log in own), max(log.time for log in own))
        assert each.levels == Counter(counts.LEVELS[(log.severity_number + 3) // 4] for log in own)
    facets = counts.by_value(tiers, connection, selection, FIELDS, 10_000)
    for field, values_ in zip(FIELDS, facets, strict=True):
        assert {each.value: each.count for each in values_} == facet(found, field), field
    if wanted:
        first, last = wanted[0][0], wanted[-1][0]
        _check_histogram(tiers, connection, selection, wanted, first // MINUTE_NS * MINUTE_NS, 60 * MINUTE_NS)
        _check_histogram(tiers, connection, selection, wanted, first, max((last - first) // 7, 1))


def _check_histogram(
    tiers: Tiers,
    connection: sqlite3.Connection,
    selection: Selection,
    wanted: list[tuple[int, Log]],
    since: int,
    step: int,
) -> None:
    begin = since if selection.since_ns is None else selection.since_ns
    end = wanted[-1][0] + 1 if selection.until_ns is None else selection.until_ns
    within = Selection(selection.query, begin, end)
    step *= max(1, (end - since) // (step * 1_000))  # nobody asks for millions of stretches
    expected = Counter(
        ((time - since) // step, counts.LEVELS[(log.severity_number + 3) // 4]) for time, log in wanted
    )
    number = max(1, -(-(end - since) // step))
    rows = counts.by_time(tiers, connection, within, since, step, number).tolist()
    found = {
        (place, name): count
        for place, row in enumerate(rows)
        for name, count in zip(counts.LEVELS, row, strict=True)
        if count
    }
    assert found == expected


def check_places(tiers: Tiers, connection: sqlite3.Connection, model: Records) -> None:
    """Compare what places count with the records that there are."""
    expected = Counter((log.project, log.service, log.instance) for _, log in model.values())
    sealed = tiers.hot_counts(connection)
    known = connection.execute("SELECT project, service, name FROM instance").fetchall()
    assert expected.keys() <= set(known)
    for path in known:
        assert places.get_place(connection, sealed, path).records == expected[path]


def check_rows(connection: sqlite3.Connection, model: Records) -> None:
    """Compare the rows for people with the records that they are of; none is of a sealed one."""
    rows = connection.execute("SELECT id, message, level, note FROM log").fetchall()
    for log_id, message, level, note in rows:
        log = model[log_id][1]
        assert (message, level, note) == (log.message, log.level, log.note)
    (stray,) = connection.execute(
        "SELECT count(*) FROM recent WHERE id >> 16 NOT IN (SELECT id FROM hot)"
    ).fetchone()
    assert stray == 0


def facet(found: Iterable[Log], field: str) -> Counter[str]:
    """Count the values of a field, record by record; of an exception, its type."""
    texts = (text_form(value) for log in found for value in facet_values(log, field))
    return Counter(text for text in texts if text is not None)


def facet_values(log: Log, field: str) -> list[Any]:
    """Return the values of a record that a facet counts."""
    if field == "level":
        return [log.level]
    if field == "exception":
        return [] if log.exception is None else [log.exception.type]
    return values_of(log, field)
