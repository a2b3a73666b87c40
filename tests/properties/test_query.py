"""The query language: any text is read or refused politely, and means the same when written again."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylogtap_collector.errors import InvalidQuery
from pylogtap_collector.query import parse
from tests.support.queries import nodes


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
