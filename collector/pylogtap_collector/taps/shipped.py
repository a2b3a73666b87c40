"""Events of Fluent Forward as entries, or as lines that have to be put together first; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap_collector.taps.engine_logs import (
    named_container,
    place_of_container,
    place_of_labels,
    place_of_tag,
)
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.joining import Line, Piece
from pylogtap_collector.taps.jsonlines import entry_of, take_key
from pylogtap_collector.taps.values import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.taps.forward import Event
    from pylogtap_collector.wire import Place

_PARTIAL = ("partial_message", "partial_id", "partial_ordinal", "partial_last")  # of Docker's driver


def take_shown_key(event: Event) -> str | None:
    """Return the key of the collector that an event shows, and remove it: it is not to be stored."""
    return take_key(event.record) if isinstance(event.record, dict) else None


def read_event(tag: str, event: Event, default: Place, now_ns: int) -> Entry | Line:
    """
    Return what an event means: an entry, or a line of a program's output.

    Args:
        tag: Of its message.
        event: That.
        default: The place, as far as neither labels nor tag nor record say it.
        now_ns: The present, ns since the epoch.
    """
    tagged = place_of_tag(tag, default)
    if isinstance(event.record, str):
        context = Entry(tagged or default, "", time_ns=event.time_ns, logger=tag)
        return Line((tag, ""), event.record, context)
    record = dict(event.record)
    text = record.get("log")
    if isinstance(text, str) and not isinstance(record.get("message"), str):
        return _line(tag, event.time_ns, record, tagged, default)
    place = place_of_labels(record, default) or tagged or default
    entry = entry_of(record, place, now_ns)
    return entry._replace(
        time_ns=entry.time_ns if event.time_ns is None or _says_time(record, entry) else event.time_ns,
        logger=entry.logger or tag,
        fields=named_container(entry.fields, entry.place),
    )


def _line(
    tag: str, time_ns: int | None, record: dict[str, Any], tagged: Place | None, default: Place
) -> Line:
    text = record.pop("log")
    piece = _piece(record)
    place = place_of_labels(record, default) or tagged or place_of_container(record, default)
    container = record.get("container_id")
    fields: dict[str, Any] = named_container(storable(record), place)
    context = Entry(place, "", time_ns=time_ns, logger="" if container else tag, fields=fields)
    source = (tag, container if isinstance(container, str) else "", str(record.get("source", "")))
    return Line(source, text, context, exact=container is not None and time_ns is not None, piece=piece)


def _piece(record: dict[str, Any]) -> Piece | None:
    """Take what says that a line is a part of a longer one (moby, daemon/logger/fluentd/fluentd.go)."""
    whole, name, number, last = (record.pop(key, None) for key in _PARTIAL)
    if whole is None or not isinstance(name, str):
        return None
    text = str(number)
    return Piece(name, int(text) if text.isdecimal() and len(text) < 9 else 1, str(last).lower() == "true")


def _says_time(record: Mapping[str, Any], entry: Entry) -> bool:
    """Tell whether a record says its time more exactly than its message, which may have whole seconds."""
    return entry.time_ns is not None and any(name in record for name in ("@timestamp", "timestamp", "time"))
