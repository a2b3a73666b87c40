"""
The push API of Loki to entries: JSON, and protobuf in a block of snappy.

Sources: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs and grafana/loki,
pkg/push/push.proto. A stream's labels, and the structured metadata of a line, say where it comes from, how
bad it is and who logged it; the others become fields. A line that is a JSON object is read as one, and one
whose labels tell no level as lines of other programs are. A traceback in a line is an exception either way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError

from pylogtap.text.levels import Level, level_named
from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.coding import unsnap
from pylogtap_collector.taps.declared import PushRequest
from pylogtap_collector.taps.entries import place_of
from pylogtap_collector.taps.jsonlines import entry_of, lift
from pylogtap_collector.taps.otlp import Batch
from pylogtap_collector.taps.plain import entry_of_lines, entry_of_text
from pylogtap_collector.taps.values import level_of, read_json, storable, stored_time, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.taps.entries import Entry
    from pylogtap_collector.wire import Place

_PROJECTS = ("project", "compose_project", "service_namespace", "namespace")
_SERVICES = ("service", "service_name", "compose_service", "app", "job", "container", "container_name")
_INSTANCES = ("instance", "service_instance_id", "pod", "host", "hostname")
_LEVELS = ("level", "severity", "severity_text", "lvl", "detected_level")
_LOGGERS = ("logger", "logger_name", "scope_name")
_UNTOLD = frozenset({"unknown_service", "unknown"})  # what Loki itself puts where a shipper says nothing
_LABEL = re.compile(r'\s*([^\s=,{}"]+)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_NS = 1_000_000_000
_Labels = dict[str, Any]


def decode_push_json(body: bytes, default: Place, now_ns: int) -> Batch:
    """
    Decode a push in JSON.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from.
        now_ns: The present, ns since the epoch.

    Raises:
        Undecodable: It is no push.
    """
    document = read_json(body)
    streams = document.get("streams") if isinstance(document, dict) else None
    if not isinstance(streams, list):
        raise Undecodable('The body is no push: it has to be {"streams": [{"stream": …, "values": …}]}.')
    batch = Batch([], [])
    for stream in streams:
        labels = stream.get("stream") if isinstance(stream, dict) else None
        values = stream.get("values") if isinstance(stream, dict) else None
        if not isinstance(labels, dict) or not isinstance(values, list):
            batch.bad.append("a stream without `stream` and `values`")
            continue
        known = storable(labels)
        for value in values:
            try:
                batch.entries.append(_of_value(value, known, default, now_ns))
            except Undecodable as error:
                batch.bad.append(error.detail)
    return batch


def decode_push(body: bytes, default: Place, now_ns: int, limit: int) -> Batch:
    """
    Decode a push in protobuf.

    Args:
        body: A block of snappy.
        default: The place of what does not say where it comes from.
        now_ns: The present, ns since the epoch.
        limit: Bytes that it may have, decompressed.

    Raises:
        TooLarge: It would have more.
        Undecodable: It is no push.
    """
    try:
        request = PushRequest.FromString(unsnap(body, limit))
    except DecodeError as error:
        raise Undecodable(f"The body is no PushRequest in protobuf: {error}.") from error
    batch = Batch([], [])
    for stream in request.streams:
        labels = dict(labels_in(stream.labels))
        for line in stream.entries:
            metadata = {pair.name: pair.value for pair in (*line.parsed, *line.structuredMetadata)}
            time_ns = line.timestamp.seconds * _NS + line.timestamp.nanos
            batch.entries.append(_entry(line.line, labels | metadata, time_ns, default, now_ns))
    return batch


def labels_in(text: str) -> Iterator[tuple[str, str]]:
    """
    Yield the labels that a text such as `{job="web", env="test"}` names.

    Args:
        text: As Prometheus writes labels; what is not understood is left out.
    """
    inner = text.strip().removeprefix("{").removesuffix("}")
    at = 0
    while match := _LABEL.match(inner, at):
        yield match[1], _ESCAPE.sub(_unescape, match[2])
        at = match.end()


def _of_value(value: Any, labels: _Labels, default: Place, now_ns: int) -> Entry:
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        raise Undecodable("a value that is no list of time, line and metadata")
    when, line, *more = value
    if not isinstance(when, str) or not when.isascii() or not when.isdigit() or len(when) > 19:
        raise Undecodable(f"a time that is no text of nanoseconds: {text_of(storable(when))[:40]}")
    if not isinstance(line, str):
        raise Undecodable("a line that is no text")
    metadata = storable(more[0]) if more and isinstance(more[0], dict) else {}
    return _entry(line, labels | metadata, int(when), default, now_ns)


def _entry(line: str, labels: _Labels, time_ns: int, default: Place, now_ns: int) -> Entry:
    rest = dict(labels)
    place = place_of(_take(rest, _PROJECTS), _take(rest, _SERVICES), _take(rest, _INSTANCES), default)
    level, logger = _take_level(rest), _take(rest, _LOGGERS)
    entry = _read(line, place, now_ns, level)
    lifted = lift({**entry.fields, **rest})
    return entry._replace(
        time_ns=stored_time(time_ns) or entry.time_ns,
        severity=entry.severity if level is None else level.severity,
        level=entry.level if level is None else level.name,
        logger=logger or entry.logger,
        fields=lifted.fields,
        trace_id=entry.trace_id or lifted.trace_id,
        span_id=entry.span_id or lifted.span_id,
        pid=lifted.pid if entry.pid is None else entry.pid,
        source=entry.source if entry.source.file else lifted.source,
    )


def _read(line: str, place: Place, now_ns: int, level: Level | None) -> Entry:
    if line.startswith("{"):
        try:
            values = read_json(line)
        except Undecodable:
            values = None
        if isinstance(values, dict) and values:
            return entry_of(values, place, now_ns)
    if level is not None:
        return entry_of_lines(line, place, level)
    return entry_of_text(line, place, now_ns)


def _take_level(rest: _Labels) -> Level | None:
    """Take the first label that names a level."""
    for name in _LEVELS:
        text = rest.get(name)
        if isinstance(text, str) and text:
            if level_named(text.strip()) is None and text.strip().lower() in _UNTOLD:
                continue
            return level_of(rest.pop(name))
    return None


def _take(rest: _Labels, names: tuple[str, ...]) -> str | None:
    for name in names:
        text = rest.get(name)
        if isinstance(text, str) and text and text not in _UNTOLD:
            found: str = rest.pop(name)
            return found
    return None


def _unescape(match: re.Match[str]) -> str:
    """Return the character that an escape of Go's strconv.Quote means; half a one becomes a mark."""
    digits = match[1] or match[2] or match[3]
    if digits or match[4]:
        code = int(digits, 16) if digits else int(match[4], 8)
        return chr(code) if code < 0xD800 or 0xDFFF < code <= 0x10FFFF else "�"
    return _ESCAPES.get(match[5], match[5])
