"""
What a killed program really did: numbers in shared memory, written right after each call returned.

The oracle owns the identities. A writer logs records numbered 1, 2, 3 … and stores each number here after
the logging call came back: everything up to the stored number is an obligation. A record beyond it may exist
(its call had committed, and not returned yet), but at most one a writer.
"""

from __future__ import annotations

import mmap
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_CELL_BYTES = 8
_MOST_COUNTED = 255  # of one record
_LISTED = 10


class Oracle:
    """A file of numbers, one a writer, mapped by the program and by the test that kills it."""

    def __init__(self, path: Path, writers: int) -> None:
        """
        Open the file, or make it with every number zero.

        Args:
            path: The file; the program and the test open the same one.
            writers: How many numbers it holds.
        """
        with path.open("ab") as file:
            file.truncate(writers * _CELL_BYTES)
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), writers * _CELL_BYTES)
        # One item of this view is one aligned machine store. struct.pack_into zeroes its target first, and a
        # kill in between would leave an oracle that has forgotten everything.
        self._cells = memoryview(self._memory).cast("Q")

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, writer: int) -> int:
        return self._cells[writer]

    def __setitem__(self, writer: int, number: int) -> None:
        self._cells[writer] = number

    def obligations(self) -> dict[int, int]:
        """Return the last number of each writer whose call has returned."""
        return dict(enumerate(self._cells.tolist()))

    def close(self) -> None:
        """Unmap it."""
        self._cells.release()
        self._memory.close()


@dataclass(slots=True)
class Verdict:
    """
    What was promised beside what was found.

    Attributes:
        returned: Calls that had returned: the obligations.
        lost: Those of them that were not found, as (writer, number); at most ten are listed.
        lost_count: How many those are.
        duplicated: Records found more than once, beyond the first.
        torn: Records whose content is not what was logged.
        unreturned: Records found whose call had not returned; no fault.
        unexpected: Records found that no writer can have logged.
    """

    returned: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    lost_count: int = 0
    duplicated: int = 0
    torn: int = 0
    unreturned: int = 0
    unexpected: int = 0

    def add(self, other: Verdict) -> None:
        """Add another run's verdict."""
        self.returned += other.returned
        self.lost = [*self.lost, *other.lost][:_LISTED]
        self.lost_count += other.lost_count
        self.duplicated += other.duplicated
        self.torn += other.torn
        self.unreturned += other.unreturned
        self.unexpected += other.unexpected

    def __str__(self) -> str:
        told = f"{self.lost_count} lost, {self.duplicated} duplicated, {self.torn} torn"
        return told if not self.unexpected else f"{told}, {self.unexpected} that nobody logged"

    @property
    def faults(self) -> int:
        """Everything that must not be."""
        return self.lost_count + self.duplicated + self.torn + self.unexpected


class Tally:
    """Counts what was found of one program's records, a byte each: there may be millions."""

    def __init__(self, obligations: Mapping[int, int]) -> None:
        """
        Count nothing yet.

        Args:
            obligations: From :meth:`Oracle.obligations`.
        """
        self._obligations = obligations
        # A writer has one call at a time: only the number behind its last one can be there as well.
        self._found = {writer: bytearray(last + 2) for writer, last in obligations.items()}
        self._others: Counter[tuple[int, int]] = Counter()
        self.torn = 0

    def add(self, writer: int, number: int) -> None:
        """Count a record."""
        found = self._found.get(writer)
        if found is None or not 0 < number < len(found):
            self._others[writer, number] += 1
        elif found[number] < _MOST_COUNTED:
            found[number] += 1

    def verdict(self) -> Verdict:
        """Compare what was found with what had to be found."""
        verdict = Verdict(returned=sum(self._obligations.values()), torn=self.torn)
        verdict.unexpected = len(self._others)
        verdict.duplicated = sum(count - 1 for count in self._others.values())
        for writer, found in self._found.items():
            last = self._obligations[writer]
            verdict.unreturned += found[last + 1] > 0
            verdict.duplicated += sum(found) - (len(found) - found.count(0))
            verdict.lost_count += found.count(0, 1, last + 1)
            missing = ((writer, number) for number in range(1, last + 1) if not found[number])
            verdict.lost.extend(islice(missing, _LISTED - len(verdict.lost)))
        return verdict


def judge(obligations: Mapping[int, int], found: Iterable[tuple[int, int]], torn: int = 0) -> Verdict:
    """
    Compare what was found with what had to be found.

    Args:
        obligations: From :meth:`Oracle.obligations`.
        found: Every record found, as (writer, number); in any order, duplicates included.
        torn: Records whose content was wrong.
    """
    tally = Tally(obligations)
    tally.torn = torn
    for writer, number in found:
        tally.add(writer, number)
    return tally.verdict()
