"""Patterns of messages: what varies is replaced, what tells messages apart stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylogtap_collector import patterns
from pylogtap_collector.patterns import MAX_TEXT, mask

PAGE = Path(__file__).resolve().parents[3] / "docs" / "explanation" / "patterns.md"
# What logs are made of, in any order.
PIECES = st.sampled_from([*"user =/\\-_.:,'\"(]@7\né٣", "://", "<*>", "0x", "ff"])
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join))


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("gave up", "gave up"),
        ("took 17 ms", "took <*> ms"),
        ("\x1b[1;31mtook\x1b[0m \x1b[38;5;208m17\x1b[0m ms", "took <*> ms"),
        ("took 17ms, 3.5% of -2", "took <*>, <*> of <*>"),
        ("at 2024-05-04T03:02:01.123+02:00 exactly", "at <*> exactly"),
        ("0xdeadbeef and deadbeef01 but not facade", "<*> and <*> but not facade"),
        ("job 123e4567-e89b-12d3-a456-426614174000 done", "job <*> done"),
        ("Received block blk_-1608999687919862906 of size 9", "Received block blk_<*> of size <*>"),
        ("from 10.0.0.1:50010 to [fe80::1]:80", "from <*> to [<*>]:<*>"),
        ("GET https://shop.example/cart?id=7 from bo@example.org", "GET <*> from <*>"),
        ("opened /var/log/syslog, ../up and ~/x.txt", "opened <*>, <*> and <*>"),
        ("either and/or both", "either and/or both"),
        (r"opened C:\Users\bo\x.txt", "opened <*>"),
        ("user=bo age=7 (uid=0) a == b", "user=<*> age=<*> (uid=<*>) a == b"),
        ("", ""),
        ("node12 and log4j on vm7b, J12, kX7Qp2, 3f9", "node<*> and log<*>j on vm<*>b, <*>, <*>, <*>"),
        ("mac 00:1b:44:11:3a:b7 v6 2001:db8::ff00:42:8329", "mac <*> <*> <*>"),
        ("ran www.example.org:80, ns.example.com.mx. then a.py:17", "ran <*>, <*>. then <*>"),
        ("org.example.io.Reader and os.path.is stay", "org.example.io.Reader and os.path.is stay"),
        ("from Fri Jun  3 10:00:01 PDT 2005 to 04 Jul 2005 10:00", "from <*> to <*>"),
        ("May he go in May", "May he go in May"),
        ("size 3.5 KB of 7 MiB", "size <*> of <*>"),
        ("Invalid user bob from 10.0.0.1", "Invalid user <*> from <*>"),
        ("invalid user user from 10.0.0.1", "invalid user <*> from <*>"),
        ("user unknown, user is gone", "user unknown, user is gone"),
        ("Failed password for root from 10.0.0.1", "Failed password for <*> from <*>"),
        ("wait for it, from here", "wait for it, from here"),
        ("got [] or [1] or [1, 2, 3] and ()", "got [<*>] or [<*>] or [<*>] and (<*>)"),
        ("ask for blk_1 blk_2 blk_3 blk_4", "ask for blk_<*>"),
        ('took "GET /x HTTP/1.1" 200', 'took "GET <*>" <*>'),
        ('{"name": "bo", "age": 7}', '{"name": "<*>", "age": <*>}'),
        ("KeyError: 'abc', it can't be", "KeyError: '<*>', it can't be"),
        ("two  blanks\tand\nlines", "two blanks and lines"),
    ],
)
def test_what_varies_is_replaced(text: str, pattern: str) -> None:
    """Numbers, times, identifiers, addresses, paths and values become wildcards; words stay."""
    assert mask(text) == pattern


def rows_of_the_page() -> list[tuple[str, str]]:
    """Return example and pattern of each row of the explanation's table of forms."""
    rows = re.findall(r"^\|[^|`]+\| `([^|]+)` \| `([^|]+)` \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) >= 10
    return rows


@pytest.mark.parametrize(("text", "pattern"), rows_of_the_page())
def test_the_page_says_what_becomes_of_values(text: str, pattern: str) -> None:
    """The examples of the explanation hold."""
    assert mask(text) == pattern


def test_digits_make_no_difference() -> None:
    """Words of one shape have one pattern, however many there are, also those remembered."""
    assert {mask(f"worker-{number} took {number * 7919} ms") for number in range(5000)} == {
        "worker-<*> took <*> ms"
    }


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words that never come twice do not fill the memory."""
    monkeypatch.setattr(patterns, "_MAX_KNOWN", 10)
    monkeypatch.setattr(patterns, "_known", {})
    for number in range(100):
        mask("x" * number)
    assert len(patterns._known) <= 10


def test_long_texts_are_cut() -> None:
    """The pattern of a text of megabytes is that of its beginning."""
    assert mask("a" * 1_000_000) == "a" * MAX_TEXT


@given(TEXTS)
def test_any_text_has_a_pattern(text: str) -> None:
    """No text breaks it; the pattern is the same at the second time, and whatever was seen before."""
    first = mask(text)
    assert mask(text) == first
    patterns._known.clear()
    assert mask(text) == first


@given(TEXTS)
def test_a_pattern_has_no_digits(text: str) -> None:
    """Two texts that differ in a digit only have one pattern."""
    assert not set(mask(text)) & set("0123456789")
