"""Hypothesis strategies: records with anything in them, and queries that have a chance to match them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from pylogtap_collector.query.ast import (
    And,
    Compare,
    Everything,
    Has,
    Matches,
    Node,
    Not,
    Or,
    Range,
    StartsWith,
    Text,
)
from pylogtap_collector.storage.rows import Row, words_of

WORDS = [
    "card",
    "declined",
    "Card",
    "user_1",
    "42",
    "4",
    "straße",
    "STRASSE",
    "été",
    "e\u0301te",
    "日本",
    "->",
    "%",
    "_",
    "İ",
    "\U0001f600",
    "a.b",
    "x\u200dy",
    "\ue000z",
    "'",
    '"',
]
VALUES = [
    "card",
    "Card",
    "4",
    "42",
    "4.0",
    "-1",
    "1e3",
    "true",
    "null",
    "",
    "é",
    "a b",
    "9223372036854775808",
    "NaN",
    "*",
    "%",
]
KEYS = ["order", "user.id", "user", "id2", "tags", "é", "a-b", "flag"]
NAMES = ["shop", "Shop", "web-1", "web-2", "a"]

text = (
    st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=6)
    .map(" ".join)
    .map(lambda each: each.encode("utf-8", "replace").decode().replace("\0", ""))
)
scalar = (
    st.sampled_from(VALUES)
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(-5, 50)
    | st.booleans()
    | st.none()
    | st.floats(allow_nan=False, allow_infinity=False)
)
json_value = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=5,
)
maybe = st.sampled_from(NAMES) | st.none()


@st.composite
def rows(draw: Any, number: int) -> Row:
    """Draw one row of `recent`."""
    attributes = draw(st.dictionaries(st.sampled_from(KEYS), json_value, max_size=4))
    message = draw(text)
    exception = draw(st.booleans())
    return Row(
        id=number,
        time=draw(st.integers(0, 20)) * 500 + 10**15,
        received=10**15,
        level=draw(st.sampled_from(["info", "warning", "notice", "error"])),
        severity=draw(st.integers(0, 24)),
        project=draw(st.sampled_from(NAMES)),
        service=draw(st.sampled_from(NAMES)),
        instance="i",
        logger=draw(st.sampled_from(["", "pay", "pay.card"])),
        message=message,
        template=draw(maybe),
        pattern=draw(st.integers(1, 5)),
        attributes=json.dumps(attributes, ensure_ascii=False) if attributes else None,
        exception_type=draw(st.sampled_from(["ValueError", "card"])) if exception else None,
        exception_message=draw(text) if exception else None,
        stacktrace="s" if exception else None,
        arguments=None,
        trace_id=draw(maybe),
        span_id=None,
        file=draw(maybe),
        line=draw(st.integers(0, 50) | st.none()),
        function=None,
        pid=draw(st.integers(1, 50) | st.none()),
        thread=draw(maybe),
        test_id=None,
        words=words_of(message),
    )


value = st.sampled_from([*VALUES, *NAMES, "7", "warning"])
any_field = st.sampled_from(
    [
        *KEYS,
        "user.order",
        "tags.order",
        "project",
        "service",
        "logger",
        "message",
        "template",
        "trace",
        "exception",
        "file",
        "line",
        "pid",
        "pattern",
        "id",
        "thread",
        "note",
        "label.team",
    ]
)
operator = st.sampled_from(["=", ">", ">=", "<", "<="])
level = st.sampled_from(["info", "warn", "WARNING", "error", "13", "fatal", "trace"])
moment = st.sampled_from(["1000000", "1000000.000001", "1970-01-12T13:46:40.000002Z", "1000000.000004"])

leaf: st.SearchStrategy[Node] = st.one_of(
    st.builds(Text, text.filter(bool), st.booleans()),
    st.builds(Text, st.sampled_from(WORDS), st.booleans()),
    st.builds(Compare, any_field, operator, value),
    st.builds(Range, any_field, value, value),
    st.builds(StartsWith, any_field, value),
    st.builds(Matches, any_field, st.sampled_from(["ar", "^c", "[0-9]+$", "é", "(?i)CARD", "."])),
    st.builds(Has, any_field | st.just("level") | st.just("time")),
    st.builds(Compare, st.just("level"), operator, level),
    st.builds(Compare, st.just("level"), st.just("="), st.just("notice")),
    st.builds(Range, st.just("level"), level, level),
    st.builds(Compare, st.just("time"), operator, moment),
    st.builds(Range, st.just("time"), moment, moment),
)
nodes: st.SearchStrategy[Node] = st.just(Everything()) | st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: And(tuple(items))),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: Or(tuple(items))),
    ),
    max_leaves=6,
)
