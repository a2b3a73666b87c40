"""From a tree to a function that tells whether a record matches: what the live tail runs for each record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pylogtap_collector.errors import Invalid, InvalidQuery
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
from pylogtap_collector.query.expressions import compile_pattern
from pylogtap_collector.query.fields import (
    equals,
    is_ordered,
    level_class,
    level_span,
    number_of,
    text_form,
    tokens,
    values_of,
)
from pylogtap_collector.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from pylogtap_collector.models import Log
    from pylogtap_collector.query.ast import Node

_EPOCH_ORDINAL = 719_163  # datetime.date(1970, 1, 1).toordinal()


def predicate(node: Node, now_ns: int | None = None) -> Callable[[Log], bool]:
    """
    Compile a tree.

    Args:
        node: The tree.
        now_ns: What relative times are relative to; default: now.

    Raises:
        InvalidQuery: A level, time or range in it cannot be.
    """
    now = time.time_ns() if now_ns is None else now_ns
    match node:
        case Everything():
            return lambda _: True
        case And(items):
            parts = [predicate(item, now) for item in items]
            return lambda log: all(part(log) for part in parts)
        case Or(items):
            parts = [predicate(item, now) for item in items]
            return lambda log: any(part(log) for part in parts)
        case Not(item):
            inner = predicate(item, now)
            return lambda log: not inner(log)
        case Text(words, prefix):
            return _text(words, prefix=prefix)
        case _:
            return _condition(node, now)


def _condition(node: Compare | Range | StartsWith | Matches | Has, now: int) -> Callable[[Log], bool]:
    if node.field == "level":
        return _level(node)
    if node.field == "time":
        low, high = time_span(node, now)
        return lambda log: low <= _microseconds(log.time) <= high
    test, fields = value_test(node), fields_of(node)
    return lambda log: any(test(value) for field in fields for value in values_of(log, field))


def fields_of(node: Compare | Range | StartsWith | Matches | Has) -> tuple[str, ...]:
    """
    Return the fields whose values decide a condition: its own, and for a case's id that of the trace.

    The id of a test case is the id of the trace that it begins, so records of services that know of nothing
    but traces are found by it as well. All other conditions on `test` ask for the case alone.
    """
    is_case = node.field == "test" and isinstance(node, Compare) and node.operator == "="
    return ("test", "trace") if is_case else (node.field,)


def value_test(node: Compare | Range | StartsWith | Matches | Has) -> Callable[[Any], bool]:
    """Return a function that tells whether one value of the node's field matches."""
    match node:
        case Has():
            return lambda _: True
        case Compare(_, "=", text):
            number = number_of(text)
            return lambda value: equals(value, text, number)
        case Compare(_, operator, text):
            number = number_of(text)
            return lambda value: is_ordered(value, operator, text, number)
        case Range(_, low, high):
            numbers = number_of(low), number_of(high)
            return lambda value: (
                is_ordered(value, ">=", low, numbers[0]) and is_ordered(value, "<=", high, numbers[1])
            )
        case StartsWith(_, text):
            return lambda value: (text_form(value) or "").startswith(text) and text_form(value) is not None
        case Matches(_, pattern):
            search = compile_pattern(pattern).search
            return lambda value: (
                (form := text_form(value)) is not None and search(_encodable(form)) is not None
            )


def _encodable(text: str) -> str:
    """RE2 works on UTF-8, which has no lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def _text(words: str, *, prefix: bool) -> Callable[[Log], bool]:
    wanted = tokens(words)
    if not wanted:
        needle = words.casefold()
        return lambda log: needle in log.message.casefold()
    return lambda log: contains_run(tokens(log.message), wanted, prefix=prefix)


def contains_run(words: list[str], wanted: list[str], *, prefix: bool) -> bool:
    """Tell whether the wanted words stand one behind the other; the last may be a beginning."""
    size = len(wanted)
    for place in range(len(words) - size + 1):
        if prefix:
            last = words[place + size - 1].startswith(wanted[-1])
            if last and words[place : place + size - 1] == wanted[:-1]:
                return True
        elif words[place : place + size] == wanted:
            return True
    return False


def level_bounds(node: Compare | Range) -> tuple[int, int] | None:
    """
    Return the severities that a condition on the level means; None for a word that only a source knows.

    Raises:
        InvalidQuery: It compares with a word that has no place in the order of levels.
    """
    if isinstance(node, Range):
        return _ordered_level(node.low)[0], _ordered_level(node.high)[1]
    if node.operator == "=":
        return level_span(node.value)
    low, high = _ordered_level(node.value)
    return {">=": (low, 24), ">": (high + 1, 24), "<=": (1, high), "<": (1, low - 1)}[node.operator]


def _ordered_level(name: str) -> tuple[int, int]:
    span = level_span(name)
    if span is None or level_class(name) is None:
        names = "trace, debug, info, warning, error, critical"
        raise InvalidQuery(
            f"level {name[:40]!r} has no place in the order; write one of {names}, or 1 to 24", 1
        )
    return span


def _level(node: Compare | Range | StartsWith | Matches | Has) -> Callable[[Log], bool]:
    if not isinstance(node, (Compare, Range)):
        test = value_test(node)
        return lambda log: test(log.level)
    bounds = level_bounds(node)
    word = node.value.casefold() if isinstance(node, Compare) and node.operator == "=" else None
    low, high = bounds or (25, 0)
    return lambda log: low <= log.severity_number <= high or log.level == word


def time_span(node: Compare | Range | StartsWith | Matches | Has, now: int) -> tuple[int, int]:
    """
    Return the first and last microsecond since the epoch that a condition on the time means.

    Raises:
        InvalidQuery: The time cannot be read, or the condition is none for times.
    """
    first, last = 0, 2**63 // 1000
    match node:
        case Has():
            return first, last
        case Range(_, low, high):
            return _time(low, now), _time(high, now)
        case Compare(_, "=", text):
            return _time(text, now), _time(text, now)
        case Compare(_, ">=", text):
            return _time(text, now), last
        case Compare(_, ">", text):
            return _time(text, now) + 1, last
        case Compare(_, "<=", text):
            return first, _time(text, now)
        case Compare(_, _, text):
            return first, _time(text, now) - 1
        case _:
            raise InvalidQuery("a time can be compared: time:>=15m, time:2026-11-23..2026-11-24", 1)


def _time(text: str, now: int) -> int:
    try:
        return parse_time(text, now) // 1000
    except Invalid as error:
        raise InvalidQuery(error.detail, 1) from None


def _microseconds(moment: datetime) -> int:
    days = moment.toordinal() - _EPOCH_ORDINAL
    seconds = days * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second
    return seconds * 10**6 + moment.microsecond
