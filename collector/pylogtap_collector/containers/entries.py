"""Records of containers' logs as entries: with the place, the time and the fields that are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.prefix import Prefix
from pylogtap.record import shorten_stack
from pylogtap_collector.containers.frames import STDERR
from pylogtap_collector.taps.entries import INFO, Entry
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.containers.transcript import Found

_SHORT_ID = 12  # digits, as the engine's own tools show them
_SECOND_NS = 1_000_000_000


def prefix_of(place: Place) -> Prefix:
    """Return a place as the parser of lines knows it."""
    return Prefix(*place)


def entry_of(found: Found, container: Container, default: Prefix) -> Entry:
    """
    Return a record as an entry.

    Its time is what the line says, or when the engine got it: where the line says whole seconds, and the same
    second, the engine's, else lines of one second would lose their order. Its level is what it says;
    what is on stderr is no error for that.

    Args:
        found: The record.
        container: That wrote it.
        default: The prefix of lines that say none: they stand where the container stands.
    """
    record = found.record
    fields: dict[str, Any] = {**record.fields, **identity(container)}
    if found.stream == STDERR:
        fields["stream"] = STDERR
    exception = record.exception
    if exception is not None:
        exception = {**exception, "stacktrace": shorten_stack(exception["stacktrace"])}
    time_ns = record.arrived_ns if record.time_ns is None else record.time_ns
    if not time_ns % _SECOND_NS and 0 <= record.arrived_ns - time_ns < _SECOND_NS:
        time_ns = record.arrived_ns
    return Entry(
        place=container.place if record.prefix == default else Place(*record.prefix),
        message=record.message,
        time_ns=time_ns or None,
        severity=record.severity or INFO,
        level=record.level or "info",
        logger=record.logger or "",
        fields=fields,
        exception=exception,
    )


def identity(container: Container) -> dict[str, str]:
    """Return the fields that tell a container apart from others of its place."""
    fields = {"container.id": container.id[:_SHORT_ID]}
    project, _, instance = container.place
    if container.name not in {instance, f"{project}-{instance}", f"{project}_{instance.replace('-', '_')}"}:
        fields["container.name"] = container.name
    return fields
