"""The oracle of the fault tests sees each fault that it is there for, and calls nothing one that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.oracle import Oracle, Verdict, judge

if TYPE_CHECKING:
    from pathlib import Path

OBLIGATIONS = {0: 3, 1: 2, 2: 0}
ALL = [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]


def test_everything_is_there() -> None:
    """What returned was found, in any order; a call that had not returned may have left its record."""
    assert judge(OBLIGATIONS, reversed(ALL)) == Verdict(returned=5)
    assert judge(OBLIGATIONS, [*ALL, (0, 4), (2, 1)]) == Verdict(returned=5, unreturned=2)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (ALL[1:], Verdict(returned=5, lost=[(0, 1)], lost_count=1)),
        ([*ALL, (0, 2), (0, 2), (1, 1)], Verdict(returned=5, duplicated=3)),
        ([*ALL, (0, 4), (0, 4)], Verdict(returned=5, duplicated=1, unreturned=1)),
        ([*ALL, (0, 5)], Verdict(returned=5, unexpected=1)),
        ([*ALL, (7, 1), (7, 1), (0, 0), (0, -1)], Verdict(returned=5, duplicated=1, unexpected=3)),
    ],
)
def test_faults(found: list[tuple[int, int]], wanted: Verdict) -> None:
    """A record that is missing, that is there twice, or that nobody can have logged is a fault."""
    verdict = judge(OBLIGATIONS, found)
    assert verdict == wanted
    assert verdict.faults > 0


def test_few_of_many_are_listed() -> None:
    """All that are lost are counted, ten are named, also over several runs."""
    verdict = judge({0: 1000, 1: 1000}, [], torn=2)
    verdict.add(judge({0: 5}, []))
    assert (verdict.returned, verdict.lost_count, verdict.torn) == (2005, 2005, 2)
    assert verdict.lost == [(0, number) for number in range(1, 11)]
    assert str(verdict) == "2005 lost, 0 duplicated, 2 torn"


def test_shared_memory(tmp_path: Path) -> None:
    """What one process writes is what another reads from the same file."""
    ours, theirs = Oracle(tmp_path / "oracle", 2), Oracle(tmp_path / "oracle", 2)
    ours[1] = 7
    assert theirs.obligations() == {0: 0, 1: 7}
    ours.close()
    theirs.close()
