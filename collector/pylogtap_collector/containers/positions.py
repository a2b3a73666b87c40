"""
Places in a container's log, and how they are found again.

The log is an order of frames that only grows; rotation takes from its front. A position in it is told by its
last frame: stream, stamp, and the how-manieth frame of that stream and stamp it is, because stamps repeat.
Order of time does not count: a line of stdout may stand behind a later one of stderr.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field

from pylogtap_collector.containers.frames import Frame, FrameReader, stamp_ns

_MOST_DOUBTFUL = 10_000  # frames that are held until it is clear whether they are new


@dataclass(frozen=True, slots=True)
class Position:
    """
    A place between two frames of a log.

    Attributes:
        stream: Of the last frame before it.
        counts: Of each stream, the last stamp before it, and how many frames have that.
        parts: Of each stream, how many pieces of the line that goes on behind it stand before it.
        size: Bytes of the last frame, where it has no newline: a terminal may write on behind it.
        check: CRC-32 of the last frame: frames of its stamp can't be counted where rotation took some.
    """

    stream: str
    counts: dict[str, tuple[str, int]]
    parts: dict[str, int] = field(default_factory=dict)
    size: int | None = None
    check: int = 0

    def __str__(self) -> str:
        """Return it as it is stored."""
        return json.dumps(
            [self.stream, self.counts, self.parts, self.size, self.check], separators=(",", ":")
        )

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """Read what is stored; None where it cannot be read: the log is then read from its beginning."""
        try:
            stream, counts, parts, size, check = json.loads(text)
            known = {str(key): (str(stamp), int(count)) for key, (stamp, count) in counts.items()}
            given = {str(key): int(each) for key, each in parts.items()}
            position = cls(str(stream), known, given, None if size is None else int(size), int(check))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return None
        return position if position.stream in known else None


class Seeker:
    """
    Finds, in a reading of the end of a log, the frames behind a position.

    Attributes:
        found: The position has been found, so what follows is new.
        hopeless: The reading begins behind it, or may do so: more has to be read.
    """

    def __init__(self, position: Position | None, *, whole: bool = False, lost: bool = False) -> None:
        """
        Seek a position.

        Args:
            position: Which; None: the beginning.
            whole: All of the log is read, so nothing can stand before its first frame.
            lost: The position is not in the log any more; what is later than it is new.
        """
        self.found = position is None
        self.hopeless = False
        self._position = position
        self._lost = lost
        self._seen = 0
        self._doubtful: list[Frame] = []
        self._earlier = whole

    def take(self, frame: Frame) -> list[Frame]:
        """Return what of a frame is new: mostly all of it, or nothing."""
        position = self._position
        if self.found or position is None:
            return [frame]
        stamp, count = position.counts[position.stream]
        if self._lost:
            return self._take_later(frame, position)
        if frame.stream != position.stream:
            return []
        if frame.stamp == stamp:
            self.hopeless = not self._earlier
            self._seen += 1
            if self._seen == count and not self.hopeless and _is_last(frame, position):
                self.found = True
                return _rest_of(frame, position.size)
        elif stamp_ns(frame.stamp) < stamp_ns(stamp):
            self._earlier = True
        elif not self._earlier:
            self.hopeless = True
        return []

    def rest(self) -> list[Frame]:
        """Return what turns out to be new at the end of the log."""
        found, self._doubtful = self._doubtful, []
        return found

    def _take_later(self, frame: Frame, position: Position) -> list[Frame]:
        """Return what is later than a position that is not in the log any more, or can't be counted there."""
        stamp = position.counts[position.stream][0]
        if (frame.stream, frame.stamp) == (position.stream, stamp):
            if _is_last(frame, position):
                self.found, self._doubtful = True, []
                return _rest_of(frame, position.size)
            self._doubtful.append(frame)
            return []
        known = position.counts.get(frame.stream)
        if known is not None and stamp_ns(frame.stamp) <= stamp_ns(known[0]):
            return []
        if self._doubtful and frame.stream != position.stream and len(self._doubtful) < _MOST_DOUBTFUL:
            self._doubtful.append(frame)  # its place is behind those
            return []
        return [*self.rest(), frame]


def _is_last(frame: Frame, position: Position) -> bool:
    """Tell whether a frame may be the last one before a position, by what it says."""
    return zlib.crc32(frame.data if position.size is None else frame.data[: position.size]) == position.check


def _rest_of(frame: Frame, size: int | None) -> list[Frame]:
    """Return what a terminal has written behind its last words, which had no newline."""
    if size is None or len(frame.data) <= size:
        return []
    reader = FrameReader(tty=True)
    found = reader.feed(frame.data[size:] + (b"\n" if frame.ends else b""))
    return found + reader.close()
