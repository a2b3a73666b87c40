"""
Records as Fluent Bit's and Vector's `http` outputs send them, and people with curl, to entries.

That is a JSON array, JSON objects one a line, one behind another or one alone, or a stream of msgpack:
`[time, record]`, or `[[time, metadata], record]` (sources: fluent/fluent-bit, plugins/out_http, and
https://vector.dev/docs/reference/configuration/sinks/http/). A line that is no JSON is taken as text, unless
it begins as JSON does: that is broken.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack

from pylogtap.text.times import read_time
from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import Entry, place_of
from pylogtap_collector.taps.jsonlines import entry_of
from pylogtap_collector.taps.plain import entry_of_text
from pylogtap_collector.taps.values import MAX_TIME_NS, read_json, storable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.wire import Place

_NS = 1_000_000_000
_EVENT_TIME = 0  # extension type of Fluentd: seconds and nanoseconds, 4 bytes each
_PAIR = 2
_DECODER = json.JSONDecoder()
_BEGUN = re.compile(r"\s*[\[{]")
_BRACKETED = re.compile(r'\s*\[[^\[\]{}"]*\]')  # `[WARN] …`, `[2026-01-05 09:00:01] …`: lines of a log


@dataclass(slots=True)
class Shipment:
    """
    What a body holds.

    Attributes:
        items: All that came, in its order: an entry, or what is wrong with it.
    """

    items: list[Entry | str] = field(default_factory=list)

    @property
    def entries(self) -> list[Entry]:
        """What can be stored."""
        return [item for item in self.items if not isinstance(item, str)]

    @property
    def places(self) -> list[int]:
        """Where each of the entries stands among all items."""
        return [index for index, item in enumerate(self.items) if not isinstance(item, str)]

    @property
    def bad(self) -> dict[int, str]:
        """What is wrong with each item that cannot be stored, by where it stands among all."""
        return {index: item for index, item in enumerate(self.items) if isinstance(item, str)}


def decode_json(body: bytes, default: Place, now_ns: int, *, as_text: bool = True) -> Shipment:
    """
    Decode JSON of any of the forms, and lines of text.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from.
        now_ns: The present, ns since the epoch.
        as_text: Take a line that is no JSON as text; not so where the sender says that there is none.

    Raises:
        Undecodable: It is neither JSON nor UTF-8.
    """
    if body.lstrip()[:1] in {b"[", b"{"}:
        try:
            found = read_json(body)
        except Undecodable:
            pass  # it may be lines
        else:
            return _of_values(found if isinstance(found, list) else [found], default, now_ns)
    if not body.strip():
        raise Undecodable("The body is empty.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Undecodable(f"The body is neither JSON nor text in UTF-8: {error}.") from error
    return _of_lines(text, default, now_ns, as_text=as_text)


def decode_msgpack(body: bytes, default: Place, now_ns: int) -> Shipment:
    """
    Decode a stream of msgpack.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from.
        now_ns: The present, ns since the epoch.

    Raises:
        Undecodable: It is no msgpack from its beginning on.
    """
    if not body:
        raise Undecodable("The body is empty.")
    items: list[Entry | str] = []
    try:
        for value in _unpacked(body):
            for each in _single(value):
                try:
                    items.append(_of_pair(each, default, now_ns))
                except Undecodable as error:
                    items.append(error.detail)
    except Undecodable as error:
        if not items:
            raise
        items.append(error.detail)
    return Shipment(items)


def place_of_tag(tag: str | None, default: Place) -> Place:
    """
    Return the place that a tag of Fluent Bit means: `project.service.instance`, or a service alone.

    Args:
        tag: With dots or slashes between; None or empty: there is none.
        default: For what it does not say.
    """
    parts = [part for part in re.split(r"[./]", tag or "", maxsplit=2) if part]
    if len(parts) == 1:
        return place_of(None, parts[0], None, default)
    project, service, instance, *_ = [*parts, "", "", ""]
    return place_of(project, service, instance, default)


def event_time(code: int, data: bytes) -> Any:
    """
    Read an extension type of msgpack.

    Args:
        code: Its number.
        data: What it holds.

    Returns:
        ns since the epoch of Fluentd's EventTime; the bytes of any other.
    """
    if code == _EVENT_TIME and len(data) == 8:
        return int.from_bytes(data[:4], "big") * _NS + int.from_bytes(data[4:], "big")
    return data


def _unpacked(body: bytes) -> Iterator[Any]:
    unpacker = msgpack.Unpacker(
        raw=False,
        strict_map_key=False,
        unicode_errors="replace",
        ext_hook=event_time,
        max_buffer_size=max(len(body), 1),
    )
    unpacker.feed(body)
    while unpacker.tell() < len(body):
        try:
            yield unpacker.unpack()
        except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
            raise Undecodable(f"no msgpack from byte {unpacker.tell()} on: {error}") from error


def _single(value: Any) -> list[Any]:
    """Return the records that one value of the stream holds: itself, or a list of them."""
    if isinstance(value, list) and not _is_pair(value):
        return value
    return [value]


def _is_pair(value: list[Any]) -> bool:
    return len(value) == _PAIR and isinstance(value[1], dict) and not isinstance(value[0], dict)


def _of_pair(value: Any, default: Place, now_ns: int) -> Entry:
    if isinstance(value, dict):
        return entry_of(storable(value), default, now_ns)
    if not isinstance(value, list) or not _is_pair(value):
        raise Undecodable("an element that is no record: it has to be [time, map], or a map")
    when, record = value
    metadata: Any = None
    if isinstance(when, list):
        when, metadata, *_ = [*when, None, None]
    if isinstance(metadata, dict):
        record = {**metadata, **record}
    entry = entry_of(storable(record), default, now_ns)
    time_ns = _time(when, now_ns)
    return entry if time_ns is None or entry.time_ns is not None else entry._replace(time_ns=time_ns)


def _time(value: Any, now_ns: int) -> int | None:
    """Return ns since the epoch; times of EventTime are that already."""
    if isinstance(value, msgpack.Timestamp):
        value = value.to_unix_nano()
    found = read_time(value, now_ns)
    return found if found is not None and 0 < found <= MAX_TIME_NS else None


def _of_values(values: list[Any], default: Place, now_ns: int) -> Shipment:
    shipment = Shipment()
    for value in values:
        if isinstance(value, dict):
            shipment.items.append(entry_of(value, default, now_ns))
        elif isinstance(value, str) and value:
            shipment.items.append(entry_of_text(value, default, now_ns))
        else:
            shipment.items.append("an element that is neither an object nor text")
    return shipment


def _of_lines(text: str, default: Place, now_ns: int, *, as_text: bool) -> Shipment:
    shipment = Shipment()
    for line in text.split("\n"):
        if not line or line.isspace():
            continue
        objects = _objects(line.strip())
        if objects:
            shipment.items += [entry_of(values, default, now_ns) for values in objects]
        elif as_text and not _is_broken(line):
            shipment.items.append(entry_of_text(line, default, now_ns))
        else:  # where it is the first one, the others may be the rest of a document, and are no text
            as_text = as_text and bool(shipment.items)
            shipment.items.append(f"a line that is no JSON object: {line[:40]!r}")
    return shipment


def _is_broken(line: str) -> bool:
    """Tell whether a line that is no JSON begins as JSON does."""
    return _BEGUN.match(line) is not None and _BRACKETED.match(line) is None


def _objects(line: str) -> list[dict[str, Any]]:
    """Return the JSON objects that a line is made of; none where something else stands in it."""
    found: list[dict[str, Any]] = []
    at = 0
    while line.startswith("{", at):
        try:
            values, at = _DECODER.raw_decode(line, at)
        except (ValueError, RecursionError):
            return []
        found.append(values)
    return found if at == len(line) else []
