"""Records that no client of ours has written, put into the form in which all others come: slices."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap import wire
from pylogtap.record import shorten_stack
from pylogtap.redact import REDACTED
from pylogtap.values import Degrader, is_exact
from pylogtap_collector.wire import Site, encode_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pylogtap.redact import Redactor
    from pylogtap_collector.taps.entries import Entry, Source

_ROOM = wire.MAX_SEGMENT_BYTES - wire.MAX_RECORD_BYTES - (8 << 10)  # for a record and what defines its site
_CUTS = (64 << 10, 16 << 10, 4 << 10, 256)  # characters of each text, until a record fits
_MOST_FIELDS = 64  # of one that does not
_MOST_NAME = 1_000  # characters of a logger's name, and of a file's
_NAMES = {wire.MORE_EXCEPTION: "exception", wire.MORE_MESSAGE: "message", wire.MORE_TEST: "test"}
_LAST_NS = 1 << 63


class Made(NamedTuple):
    """
    A slice that was made here.

    Attributes:
        stream: The id of its segment, 16 bytes.
        data: Its frames, from the segment's first on.
    """

    stream: bytes
    data: bytes


class Segment:
    """
    A segment that is written in memory, with the definitions that its records need.

    Attributes:
        data: Its frames.
    """

    def __init__(self, identity: bytes, pid: int | None = None) -> None:
        """
        Begin.

        Args:
            identity: Its id, 16 bytes.
            pid: Of the process that logged; None: not known.
        """
        self.data = bytearray()
        self._salt = wire.salt_of(identity)
        self._places: dict[str, int] = {}
        self._sites: dict[tuple[Any, ...], int] = {}
        if pid is not None:
            self.put(encode_record([0, wire.KIND_PROCESS, {"pid": pid}]))

    def put(self, payload: bytes) -> None:
        """Add a frame."""
        check = zlib.crc32(payload) ^ self._salt ^ (wire.HEADER_SIZE + len(self.data))
        head = len(payload).to_bytes(4, "little") + check.to_bytes(4, "little")
        self.data += (head + payload).ljust(wire.frame_size(len(payload)), b"\0")

    def site(
        self, prefix: str, logger: str, severity: int, level: str, template: str | None, source: Source
    ) -> int:
        """
        Return the number of a call site; define it where it is new.

        Args:
            prefix: Where its records come from.
            logger: Name of the logger.
            severity: OpenTelemetry severity; 0: unknown.
            level: Its name.
            template: The message before values were put in; None: not known.
            source: The place in the code.
        """
        key = (prefix, logger, severity, level, template, source)
        number = self._sites.get(key)
        if number is None:
            place = self._place(prefix)
            number = self._sites[key] = len(self._sites) + 1
            style = wire.STYLE_TEXT if template is None else wire.STYLE_EVENT
            self.put(
                encode_record(
                    Site(0, wire.KIND_SITE, number, place, logger, severity, level, template, *source, style)
                )
            )
        return number

    def _place(self, prefix: str) -> int:
        number = self._places.get(prefix)
        if number is None:
            number = self._places[prefix] = len(self._places) + 1
            self.put(encode_record([0, wire.KIND_PLACE, number, prefix]))
        return number


def slices_of(
    entries: Iterable[Entry], identities: Iterator[bytes], redactor: Redactor, now_ns: int
) -> list[Made]:
    """
    Write entries into as many slices as they need.

    What is no text that UTF-8 can carry, or is too large, is changed so that it can be kept; the attribute
    `pylogtap.degraded` names it then, as with records of our client.

    Args:
        entries: In their order; those of one process stay in it.
        identities: Ids for the segments.
        redactor: Judges the names of fields.
        now_ns: The time of those that do not say theirs.
    """
    made: list[Made] = []
    open_ones: dict[int | None, tuple[bytes, Segment]] = {}
    for entry in entries:
        identity, segment = open_ones.get(entry.pid) or (b"", None)
        if segment is None or len(segment.data) > _ROOM:
            if segment is not None:
                made.append(Made(identity, bytes(segment.data)))
            identity = next(identities)
            segment = Segment(identity, entry.pid)
            open_ones[entry.pid] = identity, segment
        _write(segment, entry, redactor, now_ns)
    made += [Made(identity, bytes(segment.data)) for identity, segment in open_ones.values()]
    return made


def _write(segment: Segment, entry: Entry, redactor: Redactor, now_ns: int) -> None:
    degraded: list[str] = []
    place = entry.place
    message = _carried(entry.message, "message", degraded)
    template = entry.template if entry.template is not None and len(entry.template) < _CUTS[-2] else None
    file, line, function = entry.source
    number = segment.site(
        f"{place.project}/{place.service}/{place.instance}",
        _carried(entry.logger, "logger", degraded)[:_MOST_NAME],
        entry.severity,
        entry.level,
        None if template is None else _carried(template, "message", degraded),
        type(entry.source)(
            None if file is None else _carried(file, "file", degraded)[:_MOST_NAME],
            line,
            None if function is None else _carried(function, "function", degraded)[:_MOST_NAME],
        ),
    )
    fields, more = _fields(entry, redactor, degraded), _more(entry, degraded)
    if template is not None:
        more[wire.MORE_MESSAGE] = message
    when = entry.time_ns
    if when is None or not 0 <= when < _LAST_NS:
        when = now_ns
    args = message if template is None else None
    segment.put(_fitting([number, when, args, fields], more, degraded))


def _fields(entry: Entry, redactor: Redactor, degraded: list[str]) -> dict[str, Any] | None:
    fields: dict[str, Any] = {}
    for name, value in entry.fields.items():
        key = _carried(name, name, degraded)
        if redactor.is_secret(key):
            fields[key] = REDACTED
        elif is_exact(value):
            fields[key] = value
        else:
            degrader = Degrader(redactor)
            fields[key] = degrader.convert(value)
            if degrader.degraded:
                degraded.append(key)
    return fields or None


def _more(entry: Entry, degraded: list[str]) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if entry.exception is not None:
        texts = {key: _carried(text, "exception", degraded) for key, text in entry.exception.items()}
        more[wire.MORE_EXCEPTION] = {**texts, "stacktrace": shorten_stack(texts.get("stacktrace", ""))}
    if entry.trace_id is not None:
        more[wire.MORE_TRACE] = entry.trace_id
    if entry.span_id is not None:
        more[wire.MORE_SPAN] = entry.span_id
    if entry.test_id is not None:
        more[wire.MORE_TEST] = _carried(entry.test_id, "test", degraded)
    return more


def _fitting(parts: list[Any], more: dict[str, Any], degraded: list[str]) -> bytes:
    """Return a payload that a record may have; the first cut that makes it small enough is taken."""
    for most in (None, *_CUTS):
        cut = list(degraded)
        if most is None:
            number, when, args, fields = parts
            rest = dict(more)
        else:
            number, when = parts[:2]
            args = _cut(parts[2], most, "message", cut)
            items = list((parts[3] or {}).items())
            cut += [name for name, _ in items[_MOST_FIELDS : 2 * _MOST_FIELDS]]
            fields = {name: _cut(value, most, name, cut) for name, value in items[:_MOST_FIELDS]}
            rest = {key: _cut(value, most, _NAMES.get(key, key), cut) for key, value in more.items()}
        if cut:
            rest[wire.MORE_DEGRADED] = list(dict.fromkeys(cut))
        payload = encode_record([number, when, args, fields, rest] if rest else [number, when, args, fields])
        if len(payload) <= wire.MAX_RECORD_BYTES:
            return payload
    return encode_record([parts[0], parts[1], "[too large]", None, {wire.MORE_DEGRADED: ["message"]}])


def _cut(value: Any, most: int, name: str, cut: list[str]) -> Any:
    if isinstance(value, str) and len(value) > most:
        cut.append(name)
        return f"{value[:most]}… [{len(value)} characters]"
    if isinstance(value, bytes) and len(value) > most:
        cut.append(name)
        return value[:most]
    if isinstance(value, dict):
        return {key: _cut(item, most, name, cut) for key, item in list(value.items())[:_MOST_FIELDS]}
    if isinstance(value, list):
        return [_cut(item, most, name, cut) for item in value[:_MOST_FIELDS]]
    return value


def _carried(text: str, name: str, degraded: list[str]) -> str:
    """Return text that UTF-8 can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        escaped = text.encode("utf-8", "backslashreplace").decode()
        degraded.append(escaped if name is text else name)
        return escaped
    return text
