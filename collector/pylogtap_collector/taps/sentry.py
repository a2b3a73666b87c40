"""
Envelopes of sentry's SDKs to entries: events and logs; what else they hold is passed over.

Sources: https://develop.sentry.dev/sdk/data-model/envelopes/, …/event-payloads/ and …/telemetry/logs/. The
place is that of the DSN's path, `/project/service`; the instance is the name of the server.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import Entry, place_of
from pylogtap_collector.taps.otlp_values import taken_logger, taken_number, taken_source, taken_text
from pylogtap_collector.taps.sentry_events import entry_of_event, moment
from pylogtap_collector.taps.values import hex_id, level_of, read_json, storable, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.wire import Place

_SERVERS = ("server.address", "host.name")
_PARAMETER = "sentry.message.parameter."
_RENAMED = {"sentry.release": "release", "sentry.environment": "environment"}


class Envelope(NamedTuple):
    """
    What an envelope holds.

    Attributes:
        event_id: Of the event in it, 32 hex digits; None: it has none.
        entries: What can be stored.
        bad: What is wrong with each item that cannot.
    """

    event_id: str | None
    entries: list[Entry]
    bad: list[str]

    def identity(self, place: Place) -> bytes | None:
        """
        Return what tells it from others, if it comes again; None: nothing does.

        Args:
            place: Where it was sent to.
        """
        if self.event_id is None:
            return None
        return hashlib.sha256("/".join((*place, self.event_id)).encode()).digest()


class Item(NamedTuple):
    """
    A part of an envelope.

    Attributes:
        header: What it says of itself.
        payload: What it holds.
    """

    header: dict[str, Any]
    payload: bytes


def decode_envelope(body: bytes, default: Place, now_ns: int) -> Envelope:
    """
    Decode an envelope.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from.
        now_ns: The present, ns since the epoch.

    Raises:
        Undecodable: It is no envelope.
    """
    head, _, rest = body.partition(b"\n")
    header = _object(head, "The envelope's header")
    envelope = Envelope(hex_id(header.get("event_id"), 32), [], [])
    for item in items_in(rest, envelope.bad):
        try:
            envelope.entries.extend(_entries(item, default, now_ns))
        except Undecodable as error:
            envelope.bad.append(error.detail)
    return envelope


def items_in(rest: bytes, bad: list[str]) -> Iterator[Item]:
    """
    Yield the items behind an envelope's header.

    Args:
        rest: All that follows the header's line.
        bad: Takes what is wrong where no further item can be found.
    """
    at = 0
    while at < len(rest):
        end = rest.find(b"\n", at)
        end = len(rest) if end < 0 else end
        line, at = rest[at:end], end + 1
        if not line.strip():
            continue
        try:
            header = _object(line, "An item's header")
        except Undecodable as error:
            bad.append(error.detail)
            return
        length = header.get("length")
        if isinstance(length, int) and not isinstance(length, bool) and length >= 0:
            end = at + length
            if end > len(rest):
                bad.append("The last item is cut.")
                return
        else:
            end = rest.find(b"\n", at)
            end = len(rest) if end < 0 else end
        yield Item(header, rest[at:end])
        at = end + 1


def _entries(item: Item, default: Place, now_ns: int) -> Iterator[Entry]:
    kind = item.header.get("type")
    if kind == "event":
        yield entry_of_event(_object(item.payload, "An event"), default, now_ns)
    elif kind == "log":
        logs = _object(item.payload, "An item of logs").get("items")
        if not isinstance(logs, list):
            raise Undecodable("An item of logs has no list of `items`.")
        for log in logs:
            if isinstance(log, dict):
                yield _entry_of_log(storable(log), default, now_ns)


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        found = read_json(data)
    except Undecodable as error:
        raise Undecodable(f"{what} is no JSON: {data[:80].decode(errors='replace')!r}.") from error
    if not isinstance(found, dict):
        raise Undecodable(f"{what} is no JSON object.")
    return found


def _entry_of_log(log: dict[str, Any], default: Place, now_ns: int) -> Entry:
    given = log.get("attributes")
    attributes = {
        name: each.get("value") if isinstance(each, dict) else each
        for name, each in (given if isinstance(given, dict) else {}).items()
    }
    number = taken_number(attributes, ("sentry.severity_number",)) or _number(log.get("severity_number"))
    level = level_of(text_of(log.get("level")), number)
    template = taken_text(attributes, ("sentry.message.template",)) or None
    place = place_of(None, None, taken_text(attributes, _SERVERS), default)
    source, pid = taken_source(attributes), taken_number(attributes, ("process.pid",))
    logger = taken_logger(attributes, "")
    span = hex_id(attributes.pop("sentry.trace.parent_span_id", None), 16)
    return Entry(
        place=place,
        message=text_of(log.get("body")),
        time_ns=moment(log.get("timestamp"), now_ns),
        severity=level.severity,
        level=level.name,
        logger=logger,
        fields=_fields(attributes),
        template=template,
        trace_id=hex_id(log.get("trace_id"), 32),
        span_id=hex_id(log.get("span_id"), 16) or span,
        source=source,
        pid=pid,
    )


def _fields(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes that are the program's own, without what the SDK says of itself."""
    fields: dict[str, Any] = {}
    for name, value in attributes.items():
        if name.startswith(_PARAMETER):
            fields[name.removeprefix(_PARAMETER)] = value
        elif name in _RENAMED:
            fields[_RENAMED[name]] = value
        elif not name.startswith("sentry."):
            fields[name] = value
    return fields


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
