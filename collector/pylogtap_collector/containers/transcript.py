"""
What of a container's log has been read, and what of it can be stored.

What is stored is always a beginning of the log, of whole records, so that one position says what is stored
and what is not. What stands behind a record that still waits for its further lines waits with it.
"""

from __future__ import annotations

import time
import zlib
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.text.parser import PART, LineParser
from pylogtap_collector.containers.frames import (
    STDERR,
    STDOUT,
    LineJoiner,
    LogLine,
    stamp_ns,
)
from pylogtap_collector.containers.positions import Position

if TYPE_CHECKING:
    from pylogtap.prefix import Prefix
    from pylogtap.text.parser import ParsedRecord
    from pylogtap_collector.containers.frames import Frame

STREAMS = (STDOUT, STDERR)
RECENT = 50  # lines that are kept for whoever asks why a container ended
_RECENT_SIZE = 2_000  # characters of each
_MOST_LINES = 1_000  # of a record; they are held in memory, and read again after a restart
_MOST_BYTES = 96 << 10  # of a record beyond its first line
_PAUSE_NS = 1_000_000_000  # lines further apart do not belong together


class Found(NamedTuple):
    """
    A record, and from which stream it is.

    Attributes:
        record: As it was understood.
        stream: `stdout` or `stderr`.
    """

    record: ParsedRecord
    stream: str


class _Segment(NamedTuple):
    """Records, and the numbers of the frames that they come from."""

    first: int
    last: int
    records: list[ParsedRecord]


class _Stream:
    """One of the two outputs: its lines become records."""

    def __init__(self, name: str, default: Prefix, position: Position | None) -> None:
        self.name = name
        self.segments: deque[_Segment] = deque()
        self.recent: deque[str] = deque(maxlen=RECENT)
        self.count = position.counts.get(name, ("", 0)) if position else ("", 0)
        parts = position.parts.get(name, 0) if position else 0
        self.joiner = LineJoiner(parts, self.count[0])
        self.touched = 0.0  # when its last frame came, on the clock of time.monotonic
        self._parser = LineParser(default, clock=lambda: self._now)
        self._now = 0
        self._first: int | None = None  # frame that the first line begins with that is in no segment
        self._last = 0
        self._lines = self._bytes = 0
        self._records: list[ParsedRecord] = []  # done, but others that began before them are not

    @property
    def held_from(self) -> int | None:
        """Number of the first frame whose record is not done; None: all are."""
        marks = [number for number in (self._first, self.joiner.since) if number is not None]
        return min(marks, default=None)

    @property
    def waits(self) -> bool:
        """Whether a record of whole lines waits for further ones."""
        return self._first is not None

    def take(self, frame: Frame, number: int) -> None:
        stamp, count = self.count
        self.count = (frame.stamp, count + 1 if frame.stamp == stamp else 1)
        self.touched = time.monotonic()
        self.take_lines(self.joiner.take(frame, number))

    def take_lines(self, lines: list[LogLine]) -> None:
        for line in lines:
            self._take(line)

    def _take(self, line: LogLine) -> None:
        now = stamp_ns(line.stamp) or self._now
        too_much = self._lines >= _MOST_LINES or self._bytes + len(line.data) > _MOST_BYTES
        if line.part or (self._first is not None and (too_much or now - self._now > _PAUSE_NS)):
            self.close()
        self._now = now
        before = self._parser.waiting
        done = self._parser.feed(line.data + b"\n")
        after = self._parser.waiting
        self._records += done
        if len(done) == before and after <= 1:  # all that was begun before this line is done
            self._divide()
        if self._first is None:
            self._first, self._lines, self._bytes = line.first, 0, 0
        else:
            self._bytes += len(line.data)
        self._lines += 1
        self._last = line.last
        self.recent.append(line.data[:_RECENT_SIZE].decode("utf-8", "ignore").rstrip("\r"))
        if line.part:
            given = len(self.segments)
            self.close()
            for record in self.segments[-1].records if len(self.segments) > given else ():
                record.fields[PART] = line.part
        elif not after:  # a blank line
            self._divide()

    def close(self) -> None:
        """Let nothing wait for further lines."""
        self._records += self._parser.flush()
        self._divide()

    def _divide(self) -> None:
        if self._records and self._first is not None:
            self.segments.append(_Segment(self._first, self._last, self._records))
        self._records, self._first = [], None


class Transcript:
    """
    Takes the frames of one container's log, gives records, and the position behind them.

    Attributes:
        position: Behind the last frame taken; None: at the beginning.
        frames_held: Frames that are not given yet, which is what of the log is held in memory.
    """

    def __init__(self, default: Prefix, position: Position | None) -> None:
        """
        Begin at a position.

        Args:
            default: The prefix of lines that do not say where they come from.
            position: Behind what is stored; None: at the beginning.
        """
        self.position = position
        self._streams = {name: _Stream(name, default, position) for name in STREAMS}
        self._number = 0
        self._positions: deque[tuple[int, Position]] = deque()

    @property
    def frames_held(self) -> int:
        """Return how many frames are not given yet."""
        return len(self._positions)

    @property
    def waits(self) -> bool:
        """Whether a record waits for further lines."""
        return any(stream.held_from is not None for stream in self._streams.values())

    def take(self, frame: Frame) -> None:
        """Take the next frame of the log."""
        number, self._number = self._number, self._number + 1
        self._streams[frame.stream].take(frame, number)
        counts = {name: stream.count for name, stream in self._streams.items() if stream.count[1]}
        parts = {name: stream.joiner.parts for name, stream in self._streams.items() if stream.joiner.parts}
        size = None if frame.ends else len(frame.data)
        self.position = Position(frame.stream, counts, parts, size, zlib.crc32(frame.data))
        self._positions.append((number, self.position))

    def settle(self, *, cut: bool = False, ended: bool = False) -> None:
        """
        Let records not wait for further lines any longer.

        Args:
            cut: Nor for the rest of a line: what there is of it becomes a piece.
            ended: The container has ended: a line without an end will get none.
        """
        for stream in self._streams.values():
            if ended:
                stream.take_lines(stream.joiner.finish())
            elif cut:
                stream.take_lines(stream.joiner.pause())
            stream.close()

    def settle_idle(self, idle_s: float) -> bool:
        """
        Let records of a stream that has been silent not wait for further lines, whatever the other one does.

        Args:
            idle_s: For how long.

        Returns:
            Whether there were any.
        """
        latest = time.monotonic() - idle_s
        idle = [each for each in self._streams.values() if each.waits and each.touched <= latest]
        for stream in idle:
            stream.close()
        return bool(idle)

    def harvest(self) -> tuple[list[Found], Position | None]:
        """Return the records that can be stored, and the position behind them; None: nothing can be."""
        limit = min(
            (stream.held_from for stream in self._streams.values() if stream.held_from is not None),
            default=self._number,
        )
        moved = True
        while moved:  # what reaches beyond the limit moves it to its own beginning
            moved = False
            for stream in self._streams.values():
                across = next((each for each in stream.segments if each.last >= limit), None)
                if across is not None and across.first < limit:
                    limit, moved = across.first, True
        found: list[tuple[int, Found]] = []
        for stream in self._streams.values():
            while stream.segments and stream.segments[0].last < limit:
                segment = stream.segments.popleft()
                found += [(segment.first, Found(record, stream.name)) for record in segment.records]
        position = None
        while self._positions and self._positions[0][0] < limit:
            position = self._positions.popleft()[1]
        found.sort(key=lambda each: each[0])
        return [each for _, each in found], position

    def recent(self) -> list[str]:
        """Return the last lines, those of stderr behind those of stdout."""
        return [line for stream in self._streams.values() for line in stream.recent][-RECENT:]
