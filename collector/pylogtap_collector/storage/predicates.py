"""
From a query to SQL over the rows of `recent`: bound parameters only, and exactly the same records.

Words and phrases are looked up in the full-text index, whose tokens are those of the language. What SQL
cannot say exactly (attributes of any type, regular expressions) is asked of registered functions, behind
conditions that spare most rows the call. No condition is ever NULL, so that NOT is exact.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pylogtap_collector.query.ast import (
    And,
    Compare,
    Everything,
    Has,
    Matches,
    Not,
    Or,
    Range,
    StartsWith,
    Text,
)
from pylogtap_collector.query.fields import LABEL, attribute_values, number_of, tokens
from pylogtap_collector.query.matcher import level_bounds, time_span, value_test

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from pylogtap_collector.query import Query
    from pylogtap_collector.query.ast import Leaf, Node

Sql = tuple[str, list[Any]]
Condition = Compare | Range | StartsWith | Matches | Has

_TEXT_COLUMNS = {
    "project": "recent.project", "service": "recent.service", "instance": "recent.instance",
    "logger": "recent.logger", "message": "recent.message", "template": "recent.template",
    "trace": "recent.trace_id", "span": "recent.span_id", "test": "recent.test_id",
    "file": "recent.file", "function": "recent.function", "thread": "recent.thread",
    "note": "(SELECT note FROM annotation WHERE log_id = recent.id)",
}  # fmt: skip
_NUMBER_COLUMNS = {"pattern": "recent.pattern", "line": "recent.line", "pid": "recent.pid", "id": "recent.id"}
_LABELS = "(SELECT labels FROM annotation WHERE log_id = recent.id)"
_KINDS: dict[str, type[Condition]] = {
    "compare": Compare, "range": Range, "starts": StartsWith, "matches": Matches, "has": Has,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


def compile_where(query: Query) -> Sql:
    """
    Return a query as a condition over `recent`.

    Args:
        query: The query.

    Returns:
        SQL for a WHERE clause, and its parameters. It needs the functions of :func:`register`.
    """
    return _compile(query.tree, query.now_ns)


def register(connection: sqlite3.Connection) -> None:
    """Add the functions that conditions call to a connection."""
    add: Callable[..., None] = connection.create_function
    add("pylogtap_contains", 2, _contains, deterministic=True)
    add("pylogtap_value", 2, _value_matches, deterministic=True)
    add("pylogtap_attribute", 2, _attribute_matches, deterministic=True)


def _compile(node: Node, now: int) -> Sql:
    match node:
        case Everything():
            return "1", []
        case And(items):
            return _joined(" AND ", items, now)
        case Or(items):
            return _joined(" OR ", items, now)
        case Not(item):
            sql, params = _compile(item, now)
            return f"NOT ({sql})", params
        case _:
            return _leaf(node, now)


def _joined(word: str, items: tuple[Node, ...], now: int) -> Sql:
    parts = [_compile(item, now) for item in items]
    return word.join(f"({sql})" for sql, _ in parts), [value for _, params in parts for value in params]


def _leaf(node: Leaf, now: int) -> Sql:
    if isinstance(node, Text):
        return _text(node)
    if node.field == "level":
        return _level(node)
    if node.field == "time":
        first, last = time_span(node, now)
        return "recent.time >= ? AND recent.time < ?", [first * 1000, min((last + 1) * 1000, 2**63 - 1)]
    if node.field == "exception":
        types, messages = (_column(node, f"recent.exception_{part}") for part in ("type", "message"))
        return f"({types[0]}) OR ({messages[0]})", [*types[1], *messages[1]]
    if node.field in _TEXT_COLUMNS:
        return _column(node, _TEXT_COLUMNS[node.field])
    if node.field in _NUMBER_COLUMNS:
        return _number(node, _NUMBER_COLUMNS[node.field])
    if node.field.startswith(LABEL):
        return _attribute(node, _LABELS, node.field.removeprefix(LABEL), exact_key=True)
    return _attribute(node, "recent.attributes", node.field)


def _text(node: Text) -> Sql:
    wanted = tokens(node.words)
    if not wanted:
        return "pylogtap_contains(recent.message, ?)", [node.words.casefold()]
    phrase = '"' + " ".join(wanted) + '"' + (" *" if node.prefix else "")
    return "recent.id IN (SELECT rowid FROM recent_words WHERE recent_words MATCH ?)", [phrase]


def _level(node: Condition) -> Sql:
    if not isinstance(node, (Compare, Range)):
        return _column(node, "recent.level")
    bounds = level_bounds(node)
    between, params = ("recent.severity BETWEEN ? AND ?", list(bounds)) if bounds else ("0", [])
    if isinstance(node, Compare) and node.operator == "=":
        return f"{between} OR recent.level = ?", [*params, node.value.casefold()]
    return between, params


def _column(node: Condition, column: str) -> Sql:
    """Return a condition on a column of texts; SQLite orders them by their UTF-8 bytes, as Python does."""
    match node:
        case Has():
            return f"{column} IS NOT NULL", []
        case Compare(_, operator, text):
            return f"{column} IS NOT NULL AND {column} {operator} ?", [text]
        case Range(_, low, high):
            return f"{column} IS NOT NULL AND {column} BETWEEN ? AND ?", [low, high]
        case _:
            return f"{column} IS NOT NULL AND pylogtap_value({column}, ?)", [_written(node)]


def _number(node: Condition, column: str) -> Sql:
    """Return a condition on a column of integers."""
    match node:
        case Has():
            return f"{column} IS NOT NULL", []
        case Compare(_, operator, text):
            number = _bound(number_of(text))
            if number is None:
                return "0", []
            return f"{column} IS NOT NULL AND {column} {operator} ?", [number]
        case Range(_, low, high):
            ends = [_bound(number_of(low)), _bound(number_of(high))]
            return ("0", []) if None in ends else (f"{column} IS NOT NULL AND {column} BETWEEN ? AND ?", ends)
        case _:
            return f"{column} IS NOT NULL AND pylogtap_value({column}, ?)", [_written(node)]


def _bound(number: float | None) -> int | float | None:
    """Return a number that SQLite can hold: one beyond its integers compares the same as a float."""
    return float(number) if number is not None and abs(number) >= 2**63 else number


def _attribute(node: Condition, column: str, path: str, *, exact_key: bool = False) -> Sql:
    """Return a condition on a JSON object: a look for the key as text first, then the exact question."""
    leaf = path if exact_key else path.rpartition(".")[2]
    sql = f"{column} IS NOT NULL"
    params: list[Any] = []
    if leaf.isascii() and leaf.replace("_", "").replace("-", "").isalnum():
        sql += f" AND instr({column}, ?) > 0"
        params.append(f'{leaf}"')
    return f"{sql} AND pylogtap_attribute({column}, ?)", [*params, _written(node, path, exact_key=exact_key)]


def _written(node: Condition, path: str = "", *, exact_key: bool = False) -> str:
    values = [getattr(node, name) for name in node.__slots__[1:]]
    return json.dumps([_NAMES[type(node)], path, exact_key, *values])


@lru_cache(maxsize=256)
def _read(written: str) -> tuple[str, bool, Callable[[Any], bool]]:
    name, path, exact_key, *values = json.loads(written)
    return path, exact_key, value_test(_KINDS[name](path, *values))


def _contains(message: str, needle: str) -> bool:
    return needle in message.casefold()


def _value_matches(value: Any, written: str) -> bool:
    return value is not None and _read(written)[2](value)


def _attribute_matches(attributes: str | None, written: str) -> bool:
    if attributes is None:
        return False
    path, exact_key, test = _read(written)
    found = json.loads(attributes)
    values = (
        [found[path]] if exact_key and path in found else [] if exact_key else attribute_values(found, path)
    )
    return any(test(value) for value in values)
