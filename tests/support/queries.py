"""Hypothesis strategies: words and values, and queries that have a chance to match records of them."""

from __future__ import annotations

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
        "test",
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
    st.builds(Compare, st.just("test"), st.just("="), st.sampled_from(NAMES)),
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
