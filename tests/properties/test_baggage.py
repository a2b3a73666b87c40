"""Baggage: whatever a stranger sends, what comes of it is an id or nothing; what others put in stays."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pylogtap.context import within_case
from pylogtap.correlation.headers import MAX_WRITTEN, case_in, incoming_case, outgoing_headers

CASES = st.integers(1, 2**128 - 1).map("{:032x}".format)
HOSTILE = st.lists(
    st.sampled_from(["pylogtap.test", "=", ",", ";", "%", "%41", " ", "\t", "a1" * 16, "0" * 32, "\xe9", "é"])
    | st.text(max_size=3),
    max_size=12,
).map("".join)
NAMES = st.from_regex(r"[a-z][a-z0-9._-]{0,9}", fullmatch=True).filter(lambda name: name != "pylogtap.test")
VALUES = st.from_regex(r"[A-Za-z0-9%:/]{0,12}(;p=1)?", fullmatch=True)


@given(HOSTILE)
def test_any_text(text: str) -> None:
    """Any header is read without an error, and names a case or none."""
    case = case_in(text)
    assert case is None or re.fullmatch("[0-9a-f]{32}", case)


@given(st.binary(max_size=60))
def test_any_bytes(value: bytes) -> None:
    """So are any bytes, as servers hand them over."""
    case = incoming_case({b"baggage": b"pylogtap.test=" + value})
    assert case is None or re.fullmatch("[0-9a-f]{32}", case)


@given(CASES, st.lists(st.tuples(NAMES, VALUES), max_size=70))
def test_members_of_others(case: str, members: list[tuple[str, str]]) -> None:
    """What is written begins with what was there, and says the case where there was room for it."""
    before = ",".join(f"{name}={value}" for name, value in members)
    with within_case(case):
        headers = outgoing_headers({"baggage": before} if members else {})
    after = headers.get("baggage", before)
    assert after.startswith(before)
    fits = len(members) < 64 and len(before) + 50 <= MAX_WRITTEN
    assert case_in(after) == (case if fits else None)
    with within_case(case):
        assert "baggage" not in outgoing_headers({"baggage": after}) or not fits
