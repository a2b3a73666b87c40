"""Lines that come one by one, put together again: parts of long lines, and lines of one record; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.prefix import Prefix
from pylogtap.text import LineParser
from pylogtap.text.levels import Level
from pylogtap.text.parser import PART
from pylogtap_collector.taps.plain import entry_of_record, entry_of_text

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pylogtap.text import ParsedRecord
    from pylogtap_collector.taps.entries import Entry

FLUSH_NS = 1_000_000_000  # lines of a traceback come within milliseconds
MAX_SOURCES = 1_000  # with unfinished records at a time
_MAX_LINE = 1 << 20  # characters of a line of several parts, and of a line that is looked through
_MAX_WAITING = 16 << 20  # characters of all parts that wait
_PIECE = 64  # what each of them takes besides
_CLOCKS_NS = 2_000_000_000  # how far the time in a line may be from the engine's to be the same, more exactly


class Piece(NamedTuple):
    """
    Where a part of a long line belongs.

    Attributes:
        id: The same for all parts of a line.
        number: From 1 on.
        last: No other one follows.
    """

    id: str
    number: int
    last: bool


@dataclass(slots=True)
class Line:
    """
    A line, and what is known of it besides.

    Attributes:
        source: Lines of one source may belong together.
        text: Without its end.
        context: An entry that has what the line does not say itself: place, time, fields.
        exact: The time of the context is the one at which the line was written.
        piece: Which part of a longer line it is; None: it is whole.
    """

    source: Hashable
    text: str
    context: Entry
    exact: bool = False
    piece: Piece | None = None

    @property
    def of_container(self) -> bool:
        """Whether an engine's log driver sends it, which does so line by line."""
        return "container.id" in self.context.fields


@dataclass(slots=True)
class _Open:
    """A source with a record that may go on."""

    parser: LineParser
    line: Line
    clock: list[int]
    touched_ns: int


@dataclass(slots=True)
class _Pieces:
    """The beginning of a long line, or its middle."""

    line: Line
    number: int
    texts: list[str]
    size: int
    touched_ns: int


class Joiner:
    """Takes lines, gives entries: when a line comes that does not belong to the one before, or later."""

    def __init__(self) -> None:
        self._open: dict[Hashable, _Open] = {}
        self._pieces: dict[tuple[Hashable, str], _Pieces] = {}  # the one that was touched last is the last
        self._waiting = 0

    @property
    def waiting(self) -> bool:
        """Whether anything is not complete."""
        return bool(self._open or self._pieces)

    def take(self, line: Line, now_ns: int) -> list[Entry]:
        """
        Take a line; return the entries that it completes.

        Args:
            line: That.
            now_ns: The present, ns since the epoch.
        """
        if line.piece is None:
            return self._whole(line, now_ns)
        return self._piece(line, line.piece, now_ns)

    def flush(self) -> list[Entry]:
        """Return all that is left; parts of lines that never ended are entries of their own."""
        found = [self._give_up(key) for key in list(self._pieces)]
        for source in list(self._open):
            found += self._close(source)
        return found

    def flush_older_than(self, latest_ns: int) -> list[Entry]:
        """
        Return what no line has been added to for some time.

        Args:
            latest_ns: Since when, ns since the epoch.
        """
        late = [key for key, pieces in self._pieces.items() if pieces.touched_ns <= latest_ns]
        found = [self._give_up(key) for key in late]
        for source in [source for source, each in self._open.items() if each.touched_ns <= latest_ns]:
            found += self._close(source)
        return found

    def _whole(self, line: Line, now_ns: int) -> list[Entry]:
        found: list[Entry] = []
        text = line.text.rstrip("\r\n")
        opened = self._open.get(line.source)
        joined = "\n" in text  # by the sender
        if opened is not None and (joined or not _alike(opened.line.context, line.context)):
            found, opened = self._close(line.source), None
        if joined:
            context = line.context
            inner = entry_of_text(text, context.place, now_ns, Level(context.level, context.severity))
            return [*found, _merged(inner, line, context.time_ns)]
        if opened is None:
            if len(self._open) >= MAX_SOURCES:
                found += self._close(next(iter(self._open)))
            opened = self._open[line.source] = _opened(line)
        opened.clock[0] = now_ns if line.context.time_ns is None else line.context.time_ns
        opened.touched_ns = now_ns
        found += [_entry(record, line) for record in opened.parser.feed(text + "\n")]
        return found

    def _close(self, source: Hashable) -> list[Entry]:
        opened = self._open.pop(source)
        return [_entry(record, opened.line) for record in opened.parser.flush()]

    def _piece(self, line: Line, piece: Piece, now_ns: int) -> list[Entry]:
        key = (line.source, piece.id)
        pieces = self._pieces.pop(key, None) or _Pieces(line, piece.number, [], 0, 0)
        pieces.texts.append(line.text)
        pieces.size += len(line.text) + _PIECE
        pieces.touched_ns = now_ns
        self._waiting += len(line.text) + _PIECE
        self._pieces[key] = pieces
        if piece.last and pieces.number == 1:
            self._forget(key)
            pieces.line.text, pieces.line.piece = "".join(pieces.texts), None
            return self._whole(pieces.line, now_ns)
        found: list[Entry] = []
        if piece.last or pieces.size > _MAX_LINE:
            found.append(self._give_up(key))
        while self._waiting > _MAX_WAITING:
            found.append(self._give_up(next(iter(self._pieces))))
        return found

    def _give_up(self, key: tuple[Hashable, str]) -> Entry:
        pieces = self._forget(key)
        context = pieces.line.context
        return context._replace(message="".join(pieces.texts), fields={**context.fields, PART: pieces.number})

    def _forget(self, key: tuple[Hashable, str]) -> _Pieces:
        pieces = self._pieces.pop(key)
        self._waiting -= pieces.size
        return pieces


def _opened(line: Line) -> _Open:
    clock = [0]
    parser = LineParser(Prefix(*line.context.place), max_line=4 * _MAX_LINE, clock=lambda: clock[0])
    return _Open(parser, line, clock, 0)


def _alike(one: Entry, other: Entry) -> bool:
    """Tell whether lines with these contexts may belong to one record."""
    return (one.place, one.severity, one.fields) == (other.place, other.severity, other.fields)


def _entry(record: ParsedRecord, line: Line) -> Entry:
    context = line.context
    inner = entry_of_record(record, Level(context.level, context.severity))
    return _merged(inner, line, record.arrived_ns)


def _merged(inner: Entry, line: Line, written_ns: int | None) -> Entry:
    """Put together what a line says and what is known of it; a time in the line may be of another zone."""
    context, time_ns = line.context, inner.time_ns
    if time_ns is None or (line.exact and written_ns is not None and abs(time_ns - written_ns) > _CLOCKS_NS):
        time_ns = written_ns
    return inner._replace(
        time_ns=time_ns,
        logger=inner.logger or context.logger,
        fields={**context.fields, **inner.fields},
        trace_id=inner.trace_id or context.trace_id,
        span_id=inner.span_id or context.span_id,
        pid=context.pid if inner.pid is None else inner.pid,
    )
