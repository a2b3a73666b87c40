"""
From a payload to a row: render the message, find the pattern, make JSON of the values. Pure; never raises.

A payload that cannot be read becomes a record that says so and carries it, so that nothing is lost silently.
"""

from __future__ import annotations

import base64
import math
import re
from datetime import date, time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

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
_TIME_LIMIT = _INT_LIMIT  # ns: a day in 2262
_WARNING = 13  # OpenTelemetry severity
# Widths and precisions that would make a record of gigabytes, from an argument or in the template.
_BOUNDLESS = re.compile(r"%(?:\([^)]*\))?[^a-zA-Z%]*?(?:\*|\d{5})")
_NOTHING: dict[str, Any] = {}
_NO_RARE: tuple[str | None, ...] = (None,) * 6  # exception type, message, stack, arguments; trace; span
_encode = msgspec.json.encode
_make_row = partial(tuple.__new__, Row)  # what Row._make does, without counting the items


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


class _Face(NamedTuple):
    """What all records of a call site have in common, in the form of a row."""

    head: tuple[str, int, str, str, str, str]  # level, severity, project, service, instance, logger
    source: tuple[str | None, int | None, str | None, int | None]  # file, line, function, pid
    style: int
    template: str | None
    pattern: int  # 0: to be found by masking each message
    bounded: bool  # rendering the template cannot make a message of gigabytes


class RecordReader:
    """Reads the payloads of one segment into rows."""

    def __init__(self, definitions: Definitions, patterns: Patterns) -> None:
        """
        Bind a segment.

        Args:
            definitions: What its numbers stand for; grows by the definitions among the payloads.
            patterns: Numbers templates.
        """
        self._definitions = definitions
        self._patterns = patterns
        self._faces: dict[int, _Face] = {}

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
                self._faces.clear()
        return rows

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

    def _row(self, payload: bytes, kind: int | None, log_id: int, received: int) -> Row:
        try:
            if kind == wire.KIND_LOSS:
                return self._loss(payload, log_id, received)
            record = decode_record(payload)
            face = self._faces.get(record.site) or self._face(record.site)
            return self._record(record, face, log_id, received)
        except KeyError:
            reason = "its call site is not defined"
        except UNREADABLE as error:
            reason = str(error)
        return self.unreadable(payload, reason, log_id, received)

    def _face(self, number: int) -> _Face:
        site = self._definitions.sites[number]
        place = self._definitions.places.get(site.place) or self._definitions.place
        template = None if site.style == wire.STYLE_TEXT else site.template
        self._faces[number] = face = _Face(
            head=(
                site.level.lower() or UNKNOWN,
                site.severity if 0 <= site.severity <= 24 else 0,
                *place,
                site.logger,
            ),
            source=(
                site.file,
                _small(site.line),
                site.function,
                _small(self._definitions.process.get("pid")),
            ),
            style=site.style,
            template=template,
            pattern=0 if template is None else self._patterns.number(_pattern(template, site.style)),
            bounded=not _BOUNDLESS.search(template or ""),
        )
        return face

    def _record(self, record: Record, face: _Face, log_id: int, received: int) -> Row:
        head, source, _, template, pattern, _ = face
        more, degraded = record.more or _NOTHING, []
        logged = _nanoseconds(record.time)
        if logged is None:
            logged = received
            degraded.append("time")
        message = more.get(wire.MORE_MESSAGE)
        if type(message) is not str:
            message = _render(face, record.args, degraded)
        fields, rare, thread, test = record.fields, _NO_RARE, "MainThread", None
        if not record.args and message is template and "%" in message and face.style == wire.STYLE_PERCENT:
            pattern = 0  # logging formats nothing where there are no arguments: this is finished text
        if more:
            degraded += _texts(more.get(wire.MORE_DEGRADED))
            if wire.MORE_THREAD in more:
                thread = self._definitions.threads.get(more[wire.MORE_THREAD], UNKNOWN)
            if wire.MORE_STACK in more:
                fields = {**(fields or {}), "stack_info": more[wire.MORE_STACK]}
            rare = (
                *_exception(more.get(wire.MORE_EXCEPTION)),
                _text(more.get(wire.MORE_TRACE)),
                _text(more.get(wire.MORE_SPAN)),
            )
            test = _text(more.get(wire.MORE_TEST))
        return _make_row(
            (
                *(log_id, logged, received),
                *head,
                message,
                template,
                pattern or self._patterns.number(mask(message)),
                _attributes(fields, degraded) if fields or degraded else None,
                *rare,
                *source,
                thread,
                test,
                words_of(message),
            )
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


def _pattern(template: str, style: int) -> str:
    """Return the pattern of a call site: what takes no values may be the first text of an f-string."""
    takes = style == wire.STYLE_PERCENT and "%" in template
    return template if takes else mask(template)


def _render(face: _Face, args: Any, degraded: list[str]) -> str:
    """Return the message of a record, as the program that logged it would have."""
    template = face.template
    if template is None:
        return args if type(args) is str else _degrade_message("", args, degraded)
    if not args or face.style == wire.STYLE_EVENT:
        return template
    kind = type(args)
    if (kind is not list and kind is not dict) or not face.bounded:
        return _degrade_message(template, args, degraded)
    try:
        message: str = template % (tuple(args) if kind is list else args)
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
    return ns if 0 <= ns < _TIME_LIMIT else None


def _exception(value: Any) -> tuple[str | None, str | None, str | None, str | None]:
    """Return type, message, stack and the arguments as JSON."""
    if value is None:
        return None, None, None, None
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


def _attributes(fields: dict[str, Any] | None, degraded: list[str]) -> str:
    """Return values as a JSON object that every reader understands alike."""
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
