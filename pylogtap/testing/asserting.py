"""Whether records are there that a query finds, and in words what is there instead."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pylogtap.errors import PylogtapError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.testing.records import Record

_SHOWN = 5  # records of a message, those first that come nearest


class CollectorUnavailable(PylogtapError):
    """What was asked for belongs to the collector, which is not installed, or does not start."""


def load_collector(module: str) -> Any:
    """
    Import a module of the collector: by name, as the client is complete without it.

    Args:
        module: Its name within the package.

    Raises:
        CollectorUnavailable: It is not installed.
    """
    try:
        return import_module(f"pylogtap_collector.{module}")
    except ModuleNotFoundError as error:
        raise CollectorUnavailable(
            f"this needs the collector, which is not installed here ({error}): "
            "pip install 'pylogtap[collector]'"
        ) from error


def matching(query: str, records: Sequence[Record]) -> list[Record]:
    """
    Return the records that a query finds.

    Args:
        query: See docs/reference/query-language.md.
        records: Some records.
    """
    parsed = load_collector("query").parse(query)
    return [record for record, log in zip(records, _logs(records), strict=True) if parsed.matches(log)]


def is_met(found: int, count: int | None, at_least: int) -> bool:
    """Tell whether so many records are as many as there have to be."""
    return found == count if count is not None else found >= at_least


def check(query: str, records: Sequence[Record], *, count: int | None, at_least: int) -> list[Record]:
    """
    Return the records that a query finds, if they are as many as there have to be.

    Args:
        query: See docs/reference/query-language.md.
        records: All records.
        count: How many, exactly; None: see `at_least`.
        at_least: How many at least.

    Raises:
        AssertionError: They are not.
    """
    __tracebackhide__ = True
    found = matching(query, records)
    if is_met(len(found), count, at_least):
        return found
    raise AssertionError(explain(query, records, found, count=count, at_least=at_least))


def explain(
    query: str, records: Sequence[Record], found: Sequence[Record], *, count: int | None, at_least: int
) -> str:
    """
    Say what was logged instead.

    Args:
        query: The query.
        records: All records.
        found: Those that it finds.
        count: How many there had to be, exactly; None: see `at_least`.
        at_least: How many at least.
    """
    wanted = f"exactly {count}" if count is not None else f"at least {at_least}"
    head = f"{_counted(len(found))} match {query!r}, where there had to be {wanted}"
    if len(found) > (count if count is not None else at_least):
        return "\n".join([f"{head}:", *_some(found)])
    if not records:
        return f"{head}; nothing was logged"
    others = [record for record in records if not any(record is each for each in found)]
    lines = [f"  {record} (matches)" for record in found[:_SHOWN]]
    lines += _nearest(query, others)
    return "\n".join([f"{head}; {_counted(len(records))} were logged, the nearest:", *lines])


def _counted(number: int) -> str:
    return {0: "no records", 1: "1 record"}.get(number, f"{number} records")


def _some(records: Sequence[Record]) -> list[str]:
    more = [f"  … and {len(records) - _SHOWN} more"] if len(records) > _SHOWN else []
    return [*(f"  {record}" for record in records[:_SHOWN]), *more]


def _nearest(query: str, records: Sequence[Record]) -> list[str]:
    """Show the records that fail the fewest parts of a query, and which parts."""
    language, tree = load_collector("query"), load_collector("query.ast")
    parsed = language.parse(query)
    items = parsed.tree.items if isinstance(parsed.tree, tree.And) else (parsed.tree,)
    parts = [(str(item), language.query_of(item, now_ns=parsed.now_ns)) for item in items]
    logs = _logs(records)
    judged = [
        (record, [text for text, part in parts if not part.matches(log)])
        for record, log in zip(records, logs, strict=True)
    ]
    judged.sort(key=lambda pair: len(pair[1]))  # stable: of those alike, the oldest first
    lines = [f"  {record}\n      not {', not '.join(failed)}" for record, failed in judged[:_SHOWN]]
    more = [f"  … and {len(records) - _SHOWN} more"] if len(records) > _SHOWN else []
    return [*lines, *more]


def _logs(records: Sequence[Record]) -> list[Any]:
    """Return records as the collector's own type, which the query language is defined on."""
    log = load_collector("models").Log
    now = datetime.now(UTC)
    return [
        log.model_validate(
            {
                "id": number,
                "received": now,
                "pattern_id": 0,
                **{name: value for name, value in record.items() if name != "prefix"},
            }
        )
        for number, record in enumerate(records, 1)
    ]
