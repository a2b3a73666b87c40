"""A container's log is stored exactly once: however it is cut, read, rotated, and whoever dies meanwhile."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from pylogtap.prefix import Prefix
from pylogtap_collector.containers.frames import Frame, FrameReader, LineJoiner, LogBroken
from pylogtap_collector.containers.positions import Position, Seeker
from pylogtap_collector.containers.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.containers.transcript import Found

DEFAULT = Prefix("docker", "web", "web")
SECOND = "2026-01-01T00:{:02d}:{:02d}.{:09d}Z"
TEXT = st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b"").replace(b" ", b"_"))
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def stamp(number: int) -> str:
    """Return the number-th nanosecond of a time, a second each thousand."""
    return SECOND.format(number // 60_000, number // 1000 % 60, number % 1000)


FRAMES = st.lists(
    st.builds(
        Frame,
        stream=st.sampled_from(["stdout", "stderr"]),
        stamp=st.integers(0, 50_000).map(stamp),
        data=TEXT,
        ends=st.booleans(),
    ),
    max_size=12,
)


def cut(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Return data in chunks of these sizes, over and over."""
    chunks, at, turn = [], 0, 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        chunks.append(data[at : at + size])
        at, turn = at + size, turn + 1
    return chunks


def framed(frame: Frame) -> bytes:
    """Return a frame as the engine sends it."""
    payload = frame.stamp.encode() + b" " + frame.data + b"\n" * frame.ends
    return struct.pack(">B3xI", 1 + (frame.stream == "stderr"), len(payload)) + payload


@given(FRAMES, CUTS)
def test_frames_are_the_same_however_they_are_cut(frames: list[Frame], sizes: list[int]) -> None:
    """What the engine sends in frames is read as it was, wherever the chunks end."""
    reader = FrameReader()
    found = [each for chunk in cut(b"".join(map(framed, frames)), sizes) for each in reader.feed(chunk)]
    assert found == frames


@given(st.lists(st.tuples(st.integers(0, 50_000).map(stamp), st.lists(TEXT, min_size=1, max_size=3))), CUTS)
def test_lines_of_a_terminal_are_the_same_however_they_are_cut(
    lines: list[tuple[str, list[bytes]]], sizes: list[int]
) -> None:
    """Lines of a terminal, of several pieces behind the same stamp or of one, are read as they were."""
    raw = b"".join(b"".join(f"{at} ".encode() + each for each in pieces) + b"\r\n" for at, pieces in lines)
    reader, joiner = FrameReader(tty=True), LineJoiner()
    frames = [each for chunk in cut(raw, sizes) for each in reader.feed(chunk)] + reader.close()
    found = [line for number, frame in enumerate(frames) for line in joiner.take(frame, number)]
    whole = [b"".join(pieces).decode("utf-8", "backslashreplace") for _, pieces in lines]
    assert [line.data.decode() for line in found] == whole
    assert [line.stamp for line in found] == [at for at, _ in lines]


@given(st.binary(max_size=200), st.booleans(), CUTS)
def test_any_bytes_are_frames_or_a_damaged_log(raw: bytes, tty: bool, sizes: list[int]) -> None:
    """Whatever comes is read, or told to be no log; it is never another error."""
    reader = FrameReader(tty=tty)
    try:
        for chunk in cut(raw, sizes):
            reader.feed(chunk)
        reader.close()
    except LogBroken:
        assert not tty  # a terminal's lines may be anything


class Log:
    """
    A log as an engine keeps it, and whoever reads it, who may die at any time.

    Attributes:
        frames: What it has.
        written: The words that were ever written, by stream.
        stored: What is stored of it.
    """

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.written: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self.stored: list[Found] = []
        self._now = {"stdout": 0, "stderr": 5}
        self._begun: set[str] = set()
        self._keys: list[tuple[str, str, int]] = []  # of all frames ever: stream, stamp, and the how-manieth
        self._stored_frames = self._gone = 0
        self._mark: Position | None = None
        self._transcript = Transcript(DEFAULT, None)

    def write(self, stream: str, kind: str, step: int) -> None:
        """Write a line, some ns after the last one, or a piece of one."""
        ends = kind != "begun"
        front = {"more": "  ", "prefixed": "[a/b/c] "}.get(kind, "")
        if stream in self._begun:
            front = " "
        else:
            self._now[stream] += step
        if kind != "blank":
            word = f"w{sum(map(len, self.written.values()))}"
            self.written[stream].append(word)
            text = front + word
        else:
            text = " " * len(self._keys)
        (self._begun.discard if ends else self._begun.add)(stream)
        at = stamp(self._now[stream])
        self._keys.append((stream, at, sum(key[:2] == (stream, at) for key in self._keys) + 1))
        self.frames.append(Frame(stream, at, text.encode(), ends))

    def read(self, tail: int) -> None:
        """Read what is new, by more and more of its end."""
        while not self._read(tail, lost=False):
            if not tail:
                self._read(0, lost=True)
                return
            tail = 0 if tail > len(self.frames) else tail * 2

    def _read(self, tail: int, *, lost: bool) -> bool:
        position = self._transcript.position
        seeker = Seeker(position, whole=not tail, lost=lost)
        for frame in self.frames[-tail:] if position else self.frames:
            for new in seeker.take(frame):
                self._transcript.take(new)
            if seeker.hopeless:
                return False
        for new in seeker.rest():
            self._transcript.take(new)
        return seeker.found

    def store(self) -> None:
        """Store what can be, and with it up to where that is."""
        found, position = self._transcript.harvest()
        if position is not None:
            self.stored += found
            self._mark = Position.parse(str(position))
            self._stored_frames = self._frames_of(position)

    def _frames_of(self, position: Position) -> int:
        """Return how many frames stand before a position, those that are gone included."""
        last = (position.stream, *position.counts[position.stream])
        return next(number for number, key in enumerate(self._keys, 1) if key == last)

    def settle(self, *how: bool) -> None:
        """Wait for further lines, in vain."""
        self._transcript.settle(cut=how[0], ended=how[1])

    def die(self) -> None:
        """Begin anew with what is stored."""
        self._transcript = Transcript(DEFAULT, self._mark)

    def rotate(self, size: int) -> None:
        """Lose the oldest frames, of those before the last one that is stored."""
        if self._mark is not None:
            del self.frames[: max(0, min(size, self._stored_frames - self._gone - 1))]
            self._gone = len(self._keys) - len(self.frames)


def act(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, tuple[Any, ...]]]:
    """Return something that happens to a log."""
    return st.tuples(st.just(name), st.tuples(*arguments))


WRITE = act(
    "write",
    st.sampled_from(["stdout", "stderr"]),
    st.sampled_from(["line", "more", "blank", "begun", "prefixed"]),
    st.sampled_from([0, 1, 400, 3000]),  # stamps repeat; those of seconds part records
)
ACTS = st.one_of(
    WRITE,
    WRITE,
    act("read", st.integers(1, 8)),
    act("store"),
    act("settle", st.booleans(), st.just(False)),
    act("die"),
    act("rotate", st.integers(1, 10)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(ACTS, max_size=50))
def test_each_line_is_stored_once(acts: list[tuple[str, tuple[Any, ...]]]) -> None:
    """
    No line is lost and none is stored twice, whatever happens.

    Stamps repeat, streams interleave, records have several lines, lines several frames, the log is rotated,
    and the reader dies between any two steps.
    """
    note(repr(acts))
    log = Log()
    for name, arguments in acts:
        getattr(log, name)(*arguments)
    for _ in range(2):
        log.read(4)
        log.settle(True, True)
        log.store()
        log.die()
    stored: dict[str, list[str]] = {stream: [] for stream in log.written}
    for record, stream in log.stored:
        stored[stream] += record.message.split()
    assert {stream: sorted(words) for stream, words in stored.items()} == {
        stream: sorted(words) for stream, words in log.written.items()
    }
