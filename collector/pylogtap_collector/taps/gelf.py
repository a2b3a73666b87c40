"""
GELF 1.1, as https://go2docs.graylog.org has it ("GELF"): the message, and what UDP needs; pure.

A level is a severity of syslog: see :mod:`pylogtap_collector.taps.syslog`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap.text.levels import Level, level_named, level_of_priority
from pylogtap_collector.errors import Invalid, TooLarge, Undecodable
from pylogtap_collector.inflating import inflate
from pylogtap_collector.taps.engine_logs import is_of_container, named_container, place_of_labels
from pylogtap_collector.taps.entries import Entry, Source, place_of, segment_name
from pylogtap_collector.taps.jsonlines import INFORMATION, exception_of_stack, lift
from pylogtap_collector.taps.plain import entry_of_text
from pylogtap_collector.taps.values import storable, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.wire import Place

MAGIC = b"\x1e\x0f"  # of a part of a message
GZIP = b"\x1f\x8b"
MAX_PARTS = 128
PARTS_TIMEOUT_NS = 5_000_000_000
_HEAD = 12  # magic, id of the message, number of the part, how many there are
_WAITING = 1 << 10  # bytes that a message of which parts wait takes besides, at most
_LEAST = 100  # messages that may wait
_ZLIB_METHOD = 8  # deflate (RFC 1950, 2.2)
_LIMIT = 1 << 62


def is_gelf(values: Mapping[str, Any]) -> bool:
    """Tell whether a JSON object is a message of GELF, and not somebody's own."""
    return "short_message" in values and ("version" in values or "host" in values)


def entry_of_gelf(values: Mapping[str, Any], default: Place, now_ns: int) -> Entry:
    """
    Return the entry that a message means.

    Args:
        values: The message; it stays as it is.
        default: The place, as far as it does not say it: instance is the host.
        now_ns: The present, ns since the epoch.
    """
    rest: dict[str, Any] = storable(dict(values))
    rest.pop("version", None)
    fields = {
        name.removeprefix("_") if len(name) > 1 else name: rest[name] for name in rest if name[:1] == "_"
    }
    own = {name: value for name, value in rest.items() if not name.startswith("_")}
    short, full = text_of(own.pop("short_message", "")), own.pop("full_message", None)
    level = _level(own.pop("level", None))
    time_ns = _time(own.pop("timestamp", None))
    host = own.pop("host", None)
    host = host if isinstance(host, str) else None
    place = place_of_labels(fields, default) or place_of(
        _first(fields, ("project", "service.namespace")),
        _first(fields, ("service", "service.name", "app")) or _name(fields),
        _first(fields, ("instance", "service.instance.id")) or _name(fields) or host,
        default,
    )
    if host and segment_name(host) != place.instance:
        own["host"] = host
    inner = entry_of_text(short, place, now_ns, level or INFORMATION)
    if is_of_container(fields):  # the driver's level says no more than which stream it was
        level = Level(inner.level, inner.severity)
    lifted = lift(named_container(fields, place))
    logger = lifted.fields.get("logger") or lifted.fields.get("logger_name") or own.get("facility")
    exception = inner.exception
    extra = {**own, **lifted.fields}
    if isinstance(full, str) and full and full != short:
        exception = exception_of_stack(full)
        if not exception["type"]:
            exception, extra["full_message"] = inner.exception, full
    source, extra = _source(lifted, extra)
    return inner._replace(
        time_ns=inner.time_ns if time_ns is None else time_ns,
        severity=level.severity if level else inner.severity,
        level=level.name if level else inner.level,
        logger=inner.logger or (logger if isinstance(logger, str) else ""),
        fields={**extra, **inner.fields},
        exception=exception,
        trace_id=lifted.trace_id or inner.trace_id,
        span_id=lifted.span_id or inner.span_id,
        source=source,
        pid=lifted.pid if lifted.pid is not None else inner.pid,
        test_id=lifted.test_id or inner.test_id,
    )


def unpack(data: bytes, limit: int) -> bytes:
    """
    Decompress a datagram, or a message of several.

    Args:
        data: As it came: gzip, zlib, or neither.
        limit: Bytes that the result may have.

    Raises:
        Undecodable: It is damaged, or too large.
    """
    try:
        if data.startswith(GZIP):
            return inflate(data, "gzip", limit)
        if is_zlib(data):
            return inflate(data, "deflate", limit)
    except (Invalid, TooLarge) as error:
        raise Undecodable(f"The message cannot be decompressed: {error}.") from error
    return data


def is_zlib(data: bytes) -> bool:
    """Tell whether bytes begin as zlib's do: method and check of RFC 1950, 2.2."""
    return len(data) > 1 and data[0] & 0x0F == _ZLIB_METHOD and not ((data[0] << 8) + data[1]) % 31


class _Parts(NamedTuple):
    """Parts of one message that are there."""

    total: int
    since_ns: int
    found: dict[int, bytes]


class Assembler:
    """
    Puts messages together of their parts. What is not complete after 5 s is dropped.

    Attributes:
        dropped: Messages of which a part never came, or for which there was no room.
    """

    def __init__(self, max_bytes: int) -> None:
        """
        Begin.

        Args:
            max_bytes: Of parts that wait, of all messages together; beyond, the oldest message goes, as it
                does where there are so many that what they take besides would be more.
        """
        self.dropped = 0
        self._max = max_bytes
        self._most = max(_LEAST, max_bytes // _WAITING)
        self._size = 0
        self._waiting: OrderedDict[tuple[str, bytes], _Parts] = OrderedDict()  # the oldest first

    @property
    def waiting(self) -> bool:
        """Whether parts wait for others."""
        return bool(self._waiting)

    def take(self, data: bytes, sender: str, now_ns: int) -> bytes | None:
        """
        Take a part; return the message that it completes.

        Args:
            data: The datagram, which begins with :data:`MAGIC`.
            sender: Whose ids are his own.
            now_ns: The present, ns on a clock that only grows.

        Raises:
            Undecodable: Its numbers cannot be.
        """
        self.expire(now_ns)
        if len(data) < _HEAD or not data[11] or data[11] > MAX_PARTS or data[10] >= data[11]:
            raise Undecodable("This is no part of a GELF message.")
        key, number, count = (sender, data[2:10]), data[10], data[11]
        parts = self._waiting.get(key)
        if parts is None:
            parts = self._waiting[key] = _Parts(count, now_ns, {})
        if parts.total != count:
            raise Undecodable("The parts of this GELF message do not agree how many they are.")
        if number not in parts.found:
            parts.found[number] = data[_HEAD:]
            self._size += len(data)
        if len(parts.found) == count:
            self._forget(key)
            return b"".join(parts.found[index] for index in range(count))
        while self._size > self._max or len(self._waiting) > self._most:
            self._drop()
        return None

    def expire(self, now_ns: int) -> None:
        """
        Drop what is older than 5 s.

        Args:
            now_ns: The present, on the same clock.
        """
        while self._waiting and next(iter(self._waiting.values())).since_ns + PARTS_TIMEOUT_NS < now_ns:
            self._drop()

    def _drop(self) -> None:
        self._forget(next(iter(self._waiting)))
        self.dropped += 1

    def _forget(self, key: tuple[str, bytes]) -> None:
        parts = self._waiting.pop(key)
        self._size -= sum(len(part) + _HEAD for part in parts.found.values())


def _level(value: Any) -> Level | None:
    if isinstance(value, str):
        return level_of_priority(int(value)) if value in set("01234567") else level_named(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 8:
        return level_of_priority(int(value))
    return None


def _time(value: Any) -> int | None:
    """Return the time that seconds since the epoch mean, as a number or, with some senders, as text."""
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return round(seconds * 1e9 / 1e3) * 1_000 if 0 < seconds < _LIMIT / 1e9 else None


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            del fields[name]
            return value
    return None


def _name(fields: dict[str, Any]) -> str | None:
    """Return the name of a container, which Docker's driver says."""
    name = fields.get("container_name")
    return name.lstrip("/") if isinstance(name, str) and "container_id" in fields else None


def _source(lifted: Entry, extra: dict[str, Any]) -> tuple[Source, dict[str, Any]]:
    """Return the place in the code: `_file` and `_line`, or those of GELF 1.0 without a dash."""
    file, line = extra.get("file"), extra.get("line")
    if lifted.source.file is not None or not isinstance(file, str) or not isinstance(line, int | float):
        return lifted.source, extra
    if not 0 <= line < _LIMIT:  # no line, so a value like others
        return lifted.source, extra
    function = extra.get("function") or extra.get("func")
    rest = {name: value for name, value in extra.items() if name not in {"file", "line", "function", "func"}}
    return Source(file, int(line), function if isinstance(function, str) else None), rest
