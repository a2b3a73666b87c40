"""What is fuzzed: a reader of what others wrote, what must hold of whatever it reads, and where to begin."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from pylogtap.redact import Redactor
from pylogtap.wire import HEADER_SIZE
from pylogtap_collector.parts.building import build
from pylogtap_collector.parts.reading import SegmentReader
from pylogtap_collector.parts.rows import logs_of
from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.services.segments import slices_of
from pylogtap_collector.wire import Definitions, Place, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pylogtap_collector.models import Log
    from pylogtap_collector.taps.entries import Entry

HERE = Place("shop", "cart", "one")
NOW = 1_767_225_600 * 10**9
END = 1 << 63  # of times in ns, and of numbers that are stored
LIMIT = 1 << 20  # bytes of what is decompressed
MADE = b"\0"  # what follows tells how to make a document, see `made`


@dataclass(frozen=True, slots=True)
class Target:
    """
    Something that reads what others wrote.

    Attributes:
        name: Its name.
        read: Reads bytes, and fails where something does not hold, or another error comes than ours.
        samples: What is sound, to begin with.
        words: What is worth to be put in anywhere.
    """

    name: str
    read: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()


def check_entries(entries: Iterable[Entry]) -> None:
    """Make sure that entries are sound, and that each of them is stored as one record."""
    found = list(entries)
    for entry in found:
        assert entry.time_ns is None or 0 <= entry.time_ns < END, entry.time_ns
        assert 1 <= entry.severity <= 24, entry.severity
        assert entry.level, "a level without a name"
        assert entry.level == entry.level.lower(), entry.level
        assert all(0 < len(part) <= 63 for part in entry.place), entry.place
        assert entry.pid is None or 0 <= entry.pid < END, entry.pid
        assert entry.source.line is None or 0 <= entry.source.line < END, entry.source
    identities = (number.to_bytes(16, "big") for number in count(1))
    logs = [
        log
        for made in slices_of(found, identities, Redactor(), NOW)
        for log in stored(made.data, made.stream)
    ]
    assert len(logs) == len(found), f"{len(found)} entries became {len(logs)} records"


def stored(data: bytes, segment: bytes) -> list[Log]:
    """
    Return the records of a slice as people see them when they are stored; all of them have to be sound.

    Args:
        data: The slice, the first one of its segment.
        segment: The segment's id.
    """
    found = scan(data, HEADER_SIZE, segment)
    assert found.damage is None, found.damage
    if not found.records:
        return []
    data = data[: found.end - HEADER_SIZE]
    batch = SegmentReader(Definitions(), CallSites(Patterns())).read(1, NOW, data, "")
    part = build([batch])
    logs = logs_of(part, part.ids.argsort())
    assert len(logs) == found.records
    for log in logs:
        log.model_dump_json()
    return logs


def check_texts(value: Any) -> None:
    """Make sure that all that stands in a value can be stored, and told as JSON."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, dict):
        for key, each in value.items():
            check_texts(key)
            check_texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            check_texts(each)


_NUMBERS = (0, 1, -1, 3, 1 << 31, (1 << 63) - 1, 1 << 63, -(1 << 63), 10**9, 10**18, 10**30, 1_767_225_600)
_FLOATS = (0.0, -0.0, 0.5, 1e300, -1e300, math.inf, -math.inf, math.nan, 1e-300, 1767225600.5)


def made(data: bytes, words: tuple[str, ...]) -> Any:
    """
    Return the value that bytes tell how to make, a step each: the same bytes, the same value.

    Args:
        data: What tells.
        words: Names that are known to readers.
    """
    return _Maker(data, words).value(0)


class _Maker:
    """Makes values of bytes."""

    def __init__(self, data: bytes, words: tuple[str, ...]) -> None:
        self._data, self._at, self._words = data, 0, words

    def value(self, depth: int) -> Any:
        """Make the next value."""
        kind, rest = divmod(self._byte(), 32)
        if kind == 0:
            return None if rest < 8 else rest < 20
        if kind == 1:
            return _NUMBERS[rest % len(_NUMBERS)] if rest < 28 else struct.unpack(">q", self._take(8))[0]
        if kind == 2:
            return _FLOATS[rest % len(_FLOATS)] if rest < 28 else struct.unpack(">d", self._take(8))[0]
        if kind == 3 or depth > 12:
            return self._take(rest, short=True).decode("utf-8", "surrogateescape" if rest & 1 else "replace")
        if kind == 4:
            return self._word()
        if kind == 5:
            return [self.value(depth + 1) for _ in range(rest % 5)]
        return {self._key(): self.value(depth + 1) for _ in range(rest % 7)}

    def _key(self) -> str:
        return self._word() if self._peek() < 240 else self._take(4, short=True).decode("utf-8", "replace")

    def _word(self) -> str:
        return self._words[self._byte() % len(self._words)]

    def _peek(self) -> int:
        return self._data[self._at] if self._at < len(self._data) else 0

    def _byte(self) -> int:
        found = self._peek()
        self._at += 1
        return found

    def _take(self, size: int, *, short: bool = False) -> bytes:
        found = self._data[self._at : self._at + size]
        self._at += size
        return found if short else found.ljust(size, b"\0")
