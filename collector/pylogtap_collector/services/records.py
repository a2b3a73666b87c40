"""
From a payload to a row: render the message, find the pattern, make JSON of the values. Pure; never raises.

A payload that cannot be read becomes a record that says so and carries it, so that nothing is lost silently.
"""

from __future__ import annotations

import base64
import math
import re
from datetime import date, time
from typing import TYPE_CHECKING, Any

import msgspec

from pylogtap import wire
from pylogtap_collector.patterns import mask
from pylogtap_collector.storage.rows import Row, words_of
from pylogtap_collector.wire import (
    DEFINITIONS,
    RECORDS,
    UNKNOWN,
    UNREADABLE,
    Definitions,
    Place,
    Record,
    Site,
    decode_loss,
    decode_record,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

DEGRADED = "pylogtap.degraded"  # the attribute that names what did not arrive as it was logged
MAX_PATTERNS = 100_000  # then what is new counts as one: a template that varies is none
MAX_PATTERN_TEXT = 4_000  # characters
_MANY = "(too many patterns)"
_INT_LIMIT = 1 << 63  # what SQLite stores, and JSON readers agree on
_TIME_LIMIT = 253_402_300_800_000_000_000  # ns: the end of the year 9999
_WARNING = 13  # OpenTelemetry severity
# Widths and precisions that would make a record of gigabytes, from an argument or in the template.
_BOUNDLESS = re.compile(r"%(?:\([^)]*\))?[^a-zA-Z%]*?(?:\*|\d{5})")
_encode = msgspec.json.encode


class Patterns:
    """Numbers the templates of messages. Only the index gives numbers, so they need no lock."""

    def __init__(self, known: dict[str, int]) -> None:
        """
        Go on with what is stored.

        Args:
            known: Number of each template.
        """
        self._known = known
        self._last = max(known.values(), default=0)
        self._fresh: list[tuple[int, str]] = []

    def number(self, template: str) -> int:
        """Return the number of a template, a new one where it has none."""
        found = self._known.get(template)
        if found is None:
            key = template[:MAX_PATTERN_TEXT]
            if len(self._known) >= MAX_PATTERNS and key not in self._known:
                key = _MANY
            found = self._known.get(key)
            if found is None:
                self._last = found = self._last + 1
                self._known[key] = found
                self._fresh.append((found, key))
        return found

    def take_fresh(self) -> list[tuple[int, str]]:
        """Return what was numbered since the last time: to be stored with the rows that use it."""
        fresh, self._fresh = self._fresh, []
        return fresh


class RecordReader:
    """Reads payloads of one segment into rows."""

    def __init__(self, definitions: Definitions, patterns: Patterns) -> None:
        """
        Bind a segment.

        Args:
            definitions: What its numbers stand for; grows by the definitions among the payloads.
            patterns: Numbers templates.
        """
        self._definitions = definitions
        self._patterns = patterns

    def rows(self, payloads: Iterable[bytes], first_id: int, received: int) -> list[Row]:
        """
        Read the payloads of a slice.

        Args:
            payloads: In their order.
            first_id: The id of the first record; the others count on.
            received: When the slice came, ns since the epoch.
        """
        rows: list[Row] = []
        for payload in payloads:
            kind = kind_of(payload)
            if kind in RECORDS:
                rows.append(self._row(payload, kind, first_id + len(rows), received))
            elif kind in DEFINITIONS:
                self._definitions.add(payload)
        return rows

    def _row(self, payload: bytes, kind: int | None, log_id: int, received: int) -> Row:
        try:
            if kind == wire.KIND_LOSS:
                return self._loss(payload, log_id, received)
            record = decode_record(payload)
            site = self._definitions.sites[record.site]
            return self._record(record, site, log_id, received)
        except KeyError:
            reason = "its call site is not defined"
        except UNREADABLE as error:
            reason = str(error)
        return self.unreadable(payload, reason, log_id, received)

    def _record(self, record: Record, site: Site, log_id: int, received: int) -> Row:
        definitions, more, degraded = self._definitions, record.more or {}, []
        place = definitions.places.get(site.place) or definitions.place
        logged = _nanoseconds(record.time)
        if logged is None:
            logged = received
            degraded.append("time")
        message = more.get(wire.MORE_MESSAGE)
        if type(message) is not str:
            message = _render(site, record.args, degraded)
        if site.style == wire.STYLE_TEXT or site.template is None:
            template, pattern = None, self._patterns.number(mask(message))
        else:
            template, pattern = site.template, self._patterns.number(site.template)
        thread, kind, text, stack, arguments = "MainThread", None, None, None, None
        fields = record.fields
        if more:
            degraded += _texts(more.get(wire.MORE_DEGRADED))
            if wire.MORE_THREAD in more:
                thread = definitions.threads.get(more[wire.MORE_THREAD], "")
            if wire.MORE_STACK in more:
                fields = {**(fields or {}), "stack_info": more[wire.MORE_STACK]}
            if wire.MORE_EXCEPTION in more:
                kind, text, stack, arguments = _exception(more[wire.MORE_EXCEPTION])
        return Row(
            log_id,
            logged,
            received,
            site.level.lower() or UNKNOWN,
            site.severity if 0 <= site.severity <= 24 else 0,
            *place,
            site.logger,
            message,
            template,
            pattern,
            _attributes(fields, degraded),
            kind,
            text,
            stack,
            arguments,
            _text(more.get(wire.MORE_TRACE)),
            _text(more.get(wire.MORE_SPAN)),
            site.file,
            _small(site.line),
            site.function,
            _small(definitions.process.get("pid")),
            thread or None,
            _text(more.get(wire.MORE_TEST)),
            words_of(message),
        )

    def _loss(self, payload: bytes, log_id: int, received: int) -> Row:
        loss = decode_loss(payload)
        total = sum(loss.reasons.values())
        reasons = ", ".join(f"{reason}: {count}" for reason, count in loss.reasons.items())
        if isinstance(loss.place, str):
            place = Place.parse(loss.place)
        else:
            place = self._definitions.places.get(loss.place) or self._definitions.place
        return self._notice(
            f"{total} records were dropped before this point ({reasons})",
            "%d records were dropped before this point (%s)",
            _attributes({"dropped": loss.reasons}, []),
            (log_id, _nanoseconds(loss.time) or received, received, place),
        )

    def unreadable(self, data: bytes, reason: str, log_id: int, received: int) -> Row:
        """
        Make a record of what cannot be read; it carries that.

        Args:
            data: A payload or a whole slice.
            reason: Why it cannot be read.
            log_id: Its id.
            received: When it came, ns since the epoch.
        """
        return self._notice(
            f"a record could not be read: {reason}",
            "a record could not be read: %s",
            _attributes({"payload": data}, ["record"]),
            (log_id, received, received, self._definitions.place),
        )

    def _notice(
        self, message: str, template: str, attributes: str | None, where: tuple[int, int, int, Place]
    ) -> Row:
        """Make a record of our own, a warning of the logger `pylogtap`."""
        log_id, logged, received, place = where
        empty = dict.fromkeys(Row._fields)
        return Row(
            **{
                **empty,
                "id": log_id,
                "time": logged,
                "received": received,
                "level": "warning",
                "severity": _WARNING,
                **place._asdict(),
                "logger": "pylogtap",
                "message": message,
                "template": template,
                "pattern": self._patterns.number(template),
                "attributes": attributes,
                "pid": _small(self._definitions.process.get("pid")),
                "words": words_of(message),
            }
        )


def _render(site: Site, args: Any, degraded: list[str]) -> str:
    """Return the message of a record, as the program that logged it would have."""
    if site.style == wire.STYLE_TEXT:
        return args if type(args) is str else _degrade_message("", args, degraded)
    template = site.template or ""
    if site.style == wire.STYLE_EVENT or not args:
        return template
    if type(args) not in {list, dict} or _BOUNDLESS.search(template):
        return _degrade_message(template, args, degraded)
    try:
        message: str = template % (tuple(args) if type(args) is list else args)
    except (TypeError, ValueError, KeyError, OverflowError):
        return _degrade_message(template, args, degraded)
    return message if message.isascii() else _well_formed(message, degraded)


def _degrade_message(template: str, args: Any, degraded: list[str]) -> str:
    degraded.append("message")
    return f"{template} {args!r}".lstrip()


def _well_formed(message: str, degraded: list[str]) -> str:
    """Return text that UTF-8 can carry: `%c` makes half a surrogate pair of a number."""
    try:
        message.encode()
    except UnicodeEncodeError:
        degraded.append("message")
        return message.encode("utf-8", "backslashreplace").decode()
    return message


def _nanoseconds(when: float) -> int | None:
    """Return ns since the epoch; None for what is no time."""
    if type(when) is float:
        if not math.isfinite(when):
            return None
        when = round(when * 1e6) * 1000  # a float of this size is exact to less than a microsecond
    ns = int(when)
    return ns if 0 <= ns < min(_TIME_LIMIT, _INT_LIMIT) else None


def _exception(value: Any) -> tuple[str, str, str, str | None]:
    """Return type, message, stack and the arguments as JSON."""
    if not isinstance(value, dict):
        return "", _text(value) or "", "", None
    arguments = value.get("arguments")
    if isinstance(arguments, dict):
        texts = {str(name): str(argument) for name, argument in arguments.items()}
        encoded = _encode(texts).decode()
    else:
        encoded = None
    kind, message, stack = (_text(value.get(key)) or "" for key in ("type", "message", "stacktrace"))
    return kind, message, stack, encoded


def _attributes(fields: dict[str, Any] | None, degraded: list[str]) -> str | None:
    """Return values as a JSON object that every reader understands alike."""
    if not fields and not degraded:
        return None
    attributes = fields or {}
    for value in attributes.values():
        kind = type(value)
        if (
            kind is str
            or kind is bool
            or value is None
            or (kind is int and -_INT_LIMIT <= value < _INT_LIMIT)
            or (kind is float and math.isfinite(value))
        ):
            continue
        attributes = _portable_fields(attributes, degraded)
        break
    if degraded:
        attributes = {**attributes, DEGRADED: list(dict.fromkeys(degraded))}
    return _encode(attributes).decode()


def _portable_fields(fields: dict[str, Any], degraded: list[str]) -> dict[str, Any]:
    result = {}
    for name, value in fields.items():
        losses: list[str] = []
        result[name] = _portable(value, losses)
        if losses:
            degraded.append(name)
    return result


def _portable(value: Any, losses: list[str]) -> Any:
    """Return what JSON can say of a value; what it cannot say exactly is noted."""
    kind = type(value)
    if kind is float and not math.isfinite(value):
        losses.append("float")
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if kind is int and not -_INT_LIMIT <= value < _INT_LIMIT:
        losses.append("int")
        return str(value)
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if kind is dict:
        return {_key(key): _portable(item, losses) for key, item in value.items()}
    if kind is list:
        return [_portable(item, losses) for item in value]
    if isinstance(value, (date, time)):  # what msgpack's timestamp extension becomes
        return value.isoformat()
    if isinstance(value, msgspec.msgpack.Ext):
        losses.append("extension")
        return {"bytes": base64.b64encode(value.data).decode(), "extension": value.code}
    return value


def _key(key: Any) -> str:
    return key if type(key) is str else str(key)


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _small(value: Any) -> int | None:
    return value if type(value) is int and -_INT_LIMIT <= value < _INT_LIMIT else None
