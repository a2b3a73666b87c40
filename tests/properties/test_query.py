"""The query language: any text is read or refused politely, and SQL finds what the definition says."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylogtap_collector.errors import InvalidQuery
from pylogtap_collector.models import LogPatch
from pylogtap_collector.query import parse
from pylogtap_collector.storage import logs, recent
from pylogtap_collector.storage.annotations import annotate
from pylogtap_collector.storage.connections import open_writer
from pylogtap_collector.storage.predicates import register
from pylogtap_collector.storage.rows import Row, to_log
from tests.support.queries import nodes, rows

MANY = st.integers(1, 8).flatmap(lambda count: st.tuples(*(rows(number) for number in range(1, count + 1))))


@given(st.text(alphabet=st.sampled_from('ab:"()-*/.,<>=\\ \n0é') | st.characters(), max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the parser fail otherwise than by saying where the mistake is."""
    query, refused = None, None
    try:
        query = parse(text, now_ns=10**18)
    except InvalidQuery as error:
        refused = error
    if query is not None:
        assert parse(str(query), now_ns=10**18).tree == query.tree
    else:
        assert refused is not None
        assert 1 <= refused.column <= len(text) + 1
        assert refused.detail


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_unicode(text: str) -> None:
    """Any Unicode text is read or refused politely, also where it holds no syntax on purpose."""
    with suppress(InvalidQuery):
        parse(text)


@given(nodes)
@settings(max_examples=300, deadline=None)
def test_written_and_read_again(tree: Any) -> None:
    """A query in its canonical form means the same as before."""
    again = parse(str(tree), now_ns=10**18)

    assert str(again) == str(parse(str(again), now_ns=10**18))


@given(MANY, nodes)
@settings(max_examples=400, deadline=None)
def test_sql_finds_what_the_definition_says(records: tuple[Row, ...], tree: Any) -> None:
    """For any records and any query, the rows found are those that the matcher accepts."""
    query = parse(str(tree), now_ns=10**18)
    connection = open_writer(None)
    try:
        register(connection)
        connection.execute("BEGIN")
        recent.insert_rows(connection, records)
        annotate(connection, 1, LogPatch(labels={"team": "card"}, note="Card 42"), 10**15)
        connection.execute("COMMIT")

        found = logs.page(connection, logs.Selection(query), "asc", 100)

        labels, note = '{"team": "card"}', "Card 42"
        everything = [to_log(row, *((labels, note) if row.id == 1 else ())) for row in records]
        expected = {log.id for log in everything if query.matches(log)}
        assert {each.log.id for each in found} == expected
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("text", "hint", "column"),
    [
        ("level:", "needs a value", 1),
        ("a level: b", "no space behind", 10),
        ("(a", "not closed", 3),
        ("a)", "closes nothing", 2),
        ('x "abc', "quote is not closed", 3),
        ("a OR", "must follow OR", 5),
        ("OR a", "must stand before OR", 1),
        ("()", "nothing between", 2),
        ("x:1..", "both ends", 3),
        ("x:,a", "value is missing", 3),
        ("x:>", "one value behind", 3),
        ("x:/(/", "missing", 3),
        ("level:>=loud", "no place in the order", 1),
        ("time:yesterday", "write 2026", 1),
        ("(" * 100, "32 levels", 33),
        ("a OR " * 5000, "4000 characters", 4000),
        ("a " * 300, "200 terms", 401),
        ("time:/x/", "can be compared", 1),
    ],
)
def test_mistakes_are_explained(text: str, hint: str, column: int) -> None:
    """A mistake is told with its column and what would be right."""
    with pytest.raises(InvalidQuery) as refused:
        parse(text)

    assert hint in refused.value.detail
    assert refused.value.column == column


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("declined", "VIRTUAL TABLE"),
        ("service:shop time:>=1h", "INDEX"),
        ("trace:abc", "idx_recent_trace_id"),
        ("id:7", "INTEGER PRIMARY KEY"),
    ],
)
def test_indexes_are_used(text: str, index: str) -> None:
    """What an index can answer does not scan the table."""
    connection = open_writer(None)
    register(connection)
    where, params = logs.Selection(parse(text)).where()

    plan = connection.execute(f"EXPLAIN QUERY PLAN SELECT id FROM recent WHERE {where}", params).fetchall()
    connection.close()

    assert any(index in step[-1] for step in plan), plan
    assert not any(step[-1] == "SCAN recent" for step in plan), plan
