"""Chunks of a program's output into records: prefix, time, level, logger, message, fields, exception."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap.text.heads import read_head
from pylogtap.text.levels import Level
from pylogtap.text.lines import MAX_LINE, Line, LineSplitter, strip_escapes
from pylogtap.text.prefixes import Origin, split_origin
from pylogtap.text.scanner import Head
from pylogtap.text.structured import read_structured
from pylogtap.text.times import NS, clock_time
from pylogtap.text.tracebacks import Continuation, find_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.prefix import Prefix

PART = "pylogtap.part"  # field with the number of a piece of a line or record that was too long
MAX_LINES = 2_000  # of one record
MAX_RECORD = 1 << 20  # characters of one record, beyond its first line
MAX_SOURCES = 1_000  # records of so many sources may be unfinished at a time
_ERROR = Level("error", 17)


class ParsedRecord(NamedTuple):
    """
    What a line, or the lines that belong together, say.

    Attributes:
        prefix: Where they come from.
        time_ns: When, ns since the epoch; None: they do not say.
        arrived_ns: When the first of them came here, ns since the epoch.
        severity: OpenTelemetry severity; 0: they do not say.
        level: Name of the level; None: they do not say.
        logger: Name of the logger or the program; None: they do not say.
        message: The message, without colours.
        fields: Named values.
        exception: `type`, `message` and `stacktrace` of an exception.
    """

    prefix: Prefix
    time_ns: int | None
    arrived_ns: int
    severity: int
    level: str | None
    logger: str | None
    message: str
    fields: dict[str, Any]
    exception: dict[str, str] | None


class _Pending:
    """A record whose further lines may be still to come."""

    __slots__ = ("arrived", "blanks", "continuation", "head", "lines", "origin", "part", "size", "touched")

    def __init__(self, origin: Origin, head: Head, arrived: int, part: int) -> None:
        self.origin = origin
        self.head = head
        self.lines = [head.message]
        self.size = 0
        self.blanks = 0
        self.part = part
        self.arrived = self.touched = arrived
        headed = head.time_ns is not None or head.level is not None
        self.continuation = Continuation(head.message, headed=headed)

    def takes(self, line: str) -> bool:
        """Tell whether a line belongs to the record."""
        return self.continuation.takes(line, after_blank=self.blanks > 0)


class LineParser:
    """
    Takes the output of a program, or of several behind a runner, and gives records.

    A record is given when the first line comes that does not belong to it: see `flush_older_than`.
    """

    def __init__(
        self,
        default: Prefix,
        project: str | None = None,
        *,
        max_line: int = MAX_LINE,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        Begin.

        Args:
            default: The prefix of lines that do not say where they come from.
            project: The project of services that a runner names; default: that of `default`.
            max_line: Bytes of the longest line that stays whole.
            clock: Returns the present, ns since the epoch.
        """
        self._default = default
        self._project = project or default.project
        self._splitter = LineSplitter(max_line)
        self._clock = clock
        self._pending: dict[Prefix | None, _Pending] = {}
        self._own: Prefix | None = None  # prefix of the last line, where the program itself wrote it
        self._done: list[ParsedRecord] = []

    @property
    def waiting(self) -> int:
        """How many records wait for further lines."""
        return len(self._pending)

    def feed(self, chunk: bytes | str) -> list[ParsedRecord]:
        """
        Return the records that a chunk completes.

        Args:
            chunk: What a program wrote; cut anywhere.
        """
        now = self._clock()
        for line in self._splitter.feed(chunk):
            self._take(line, now)
        return self._take_done()

    def flush(self) -> list[ParsedRecord]:
        """Return all that is left, also of a line without an end."""
        now = self._clock()
        for line in self._splitter.flush():
            self._take(line, now)
        for source in list(self._pending):
            self._finish(source)
        return self._take_done()

    def flush_older_than(self, seconds: float) -> list[ParsedRecord]:
        """
        Return records that have waited for further lines for some time, since their last line.

        Args:
            seconds: How long; lines of a traceback come within milliseconds.
        """
        latest = self._clock() - round(seconds * NS)
        for source in [source for source, pending in self._pending.items() if pending.touched <= latest]:
            self._finish(source)
        return self._take_done()

    def _take_done(self) -> list[ParsedRecord]:
        done, self._done = self._done, []
        return done

    def _take(self, line: Line, now: int) -> None:
        text = line.text
        coloured = "\x1b" in text
        if coloured:
            coloured, text = text[0] == "\x1b", strip_escapes(text)
        origin = split_origin(text, self._project, coloured=coloured) if text else Origin(None, text)
        source = origin.prefix
        if source is None and self._own in self._pending:  # a traceback below a line with a prefix has none
            source = self._own
        rest = origin.rest
        pending = self._pending.get(source)
        if not rest or rest.isspace():
            if pending is not None:
                pending.blanks += 1
        elif pending is not None and not line.part and pending.takes(rest):
            self._continue(source, pending, rest, now)
        else:
            self._begin(origin, line.part, now)

    def _begin(self, origin: Origin, part: int, now: int) -> None:
        self._finish(self._own if origin.prefix is None else origin.prefix)
        self._finish(origin.prefix)
        self._own = origin.prefix if origin.own else None
        if len(self._pending) >= MAX_SOURCES:
            self._finish(next(iter(self._pending)))
        self._pending[origin.prefix] = _Pending(origin, read_head(origin.rest, now), now, part)

    def _continue(self, source: Prefix | None, pending: _Pending, text: str, now: int) -> None:
        if len(pending.lines) >= MAX_LINES or pending.size > MAX_RECORD:
            pending.part = pending.part or 1
            self._finish(source)
            head = pending.head._replace(message=text)
            rest = self._pending[source] = _Pending(pending.origin, head, now, pending.part + 1)
            rest.continuation = pending.continuation
            return
        pending.lines += [""] * pending.blanks
        pending.lines.append(text)
        pending.blanks = 0
        pending.size += len(text)
        pending.touched = now

    def _finish(self, source: Prefix | None) -> None:
        pending = self._pending.pop(source, None)
        if pending is not None:
            self._done.append(self._record(pending))

    def _record(self, pending: _Pending) -> ParsedRecord:
        origin, arrived = pending.origin, pending.arrived
        head, trace = _read_values(pending)
        failure = find_failure(trace) if len(trace) > 1 else None
        level, message, time_ns = head.level, head.message, head.time_ns
        if failure is not None:
            level = level or _ERROR
            if trace is pending.lines:
                message = "\n".join(trace[: failure.first]).rstrip("\n") or failure.summary
        fields = head.fields or {}
        if pending.part:
            fields[PART] = pending.part
        if time_ns is None and origin.clock:
            time_ns = clock_time(origin.clock, arrived)
        return ParsedRecord(
            origin.prefix or self._default,
            time_ns,
            arrived,
            level.severity if level else 0,
            level.name if level else None,
            head.logger,
            message,
            fields,
            failure and failure.fields(),
        )


def _read_values(pending: _Pending) -> tuple[Head, list[str]]:
    """Return the head with the values that a single line names, and the lines that may be a traceback."""
    head, lines = pending.head, pending.lines
    if len(lines) > 1:
        return head._replace(message="\n".join(lines)), lines
    found = read_structured(lines[0].strip(), pending.arrived)
    if found is None:
        return head, lines
    merged = Head(
        found.message,
        found.time_ns or head.time_ns,
        found.level or head.level,
        found.logger or head.logger,
        (head.fields or {}) | found.fields,
    )
    return merged, found.stack.split("\n") if found.stack else []
