"""
Records that are JSON objects, as logging libraries of many languages write them; pure.

Time, level, message, logger and stack are read as `pylogtap.text` reads them in a line. Beyond that: who
wrote it, as OpenTelemetry, the Elastic Common Schema, Logstash and compose name it; trace ids; the place in
the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pylogtap.text.levels import Level
from pylogtap.text.structured import read_values
from pylogtap.text.times import read_time
from pylogtap.text.tracebacks import find_failure
from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import INFO, Entry, Source, place_of
from pylogtap_collector.taps.values import exception_of, hex_id, read_json, storable, text_of
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
KEYS = ("pylogtap_key", "_pylogtap_key", "_key")  # names under which a record shows a key of the collector
INFORMATION = Level("info", INFO)
FAILED = Level("error", 17)

_PROJECTS = ("project", "service.namespace", "com.docker.compose.project")
_SERVICES = (
    "service", "service.name", "service_name", "app", "app_name", "application", "program", "source_app",
    "com.docker.compose.service",
)  # fmt: skip
_INSTANCES = ("instance", "service.instance.id", "instance_id", "host", "host.name", "hostname", "logsource")
_TRACES = ("trace_id", "traceId", "trace.id", "otelTraceID", "otel.trace_id")
_SPANS = ("span_id", "spanId", "span.id", "otelSpanID", "otel.span_id")
_PIDS = ("pid", "process.pid", "process_id", "process")
_LINES = ("code.line.number", "code.lineno", "log.origin.file.line", "lineno", "line", "line_number")
_FILES = ("code.file.path", "code.filepath", "log.origin.file.name", "pathname", "path", "file", "filename")
_FUNCTIONS = (
    "code.function.name", "code.function", "log.origin.function", "funcName", "func_name", "func", "function",
)  # fmt: skip
_LIFTED = frozenset((*_TRACES, *_SPANS, *_PIDS, *_LINES, "test_id"))
_ERRORS = {  # each with a type, a message, and a stack that is called so
    "exception": ("exception.stacktrace", "exception.stack"),
    "error": ("error.stack_trace", "error.stack"),
}
# Objects whose members are meant when a key with a dot is: `{"service": {"name": …}}` of the Elastic schema.
_NESTED = ("service", "host", "process", "trace", "span", "error", "exception", "code", "log", "err")
_MAX_NESTED = 20  # members; a larger object is data of the sender's own
_LIMIT = 1 << 63


def read_line(data: bytes | str) -> dict[str, Any]:
    """
    Read a line.

    Args:
        data: JSON, UTF-8.

    Raises:
        Undecodable: It is no JSON object.
    """
    values = read_json(data)
    if not isinstance(values, dict):
        raise Undecodable('A line of JSON has to be an object, such as {"message": "ready"}.')
    return values


def take_key(values: dict[str, Any]) -> str | None:
    """Return the key of the collector that a record shows, and remove it: it is not to be stored."""
    found = [value for name in KEYS if isinstance(value := values.pop(name, None), str)]
    return found[0] if found else None


def entry_of(values: Mapping[str, Any], default: Place, now_ns: int) -> Entry:
    """
    Return the entry that a JSON object means; what is not understood becomes its fields.

    Args:
        values: The object; it stays as it is.
        default: The place, as far as the object does not say it.
        now_ns: The present, ns since the epoch.
    """
    rest: dict[str, Any] = storable(dict(values))
    if "@version" in rest and "@timestamp" in rest:  # Logstash's format; its version says nothing
        del rest["@version"]
        extra = rest.pop("extra", None)
        rest = {**extra, **rest} if isinstance(extra, dict) else rest
    _spread(rest)
    if "@mt" in rest and "@i" not in rest:
        rest.setdefault("@m", rest["@mt"])
    template = _take(rest, ("@mt", "message_template", "messageTemplate"), str)
    exception = _exception(rest)
    found = read_values(rest, "", now_ns)
    time_ns = found.time_ns if found.time_ns is not None else _take_time(rest, now_ns)
    if found.stack is not None:
        exception = exception_of_stack(found.stack)
    level = found.level or (INFORMATION if exception is None else FAILED)
    place = _place(rest, default)
    lifted = lift(rest)
    return lifted._replace(
        place=place,
        message=found.message or template or _summary(exception) or text_of(lifted.fields),
        time_ns=time_ns,
        severity=level.severity,
        level=level.name,
        logger=found.logger or "",
        exception=exception,
        template=template,
    )


def lift(values: Mapping[str, Any]) -> Entry:
    """
    Return an entry that has of named values what is no field: trace, process, test, place in the code.

    Args:
        values: All of them; they stay as they are.
    """
    rest = dict(values)
    if rest.keys().isdisjoint(_LIFTED):
        return Entry(Place(), "", fields=rest)
    return Entry(
        place=Place(),
        message="",
        trace_id=_take_id(rest, _TRACES, 32),
        span_id=_take_id(rest, _SPANS, 16),
        pid=_take_number(rest, _PIDS),
        test_id=_take(rest, ("test_id",), str),
        source=_source(rest),
        fields=rest,
    )


def exception_of_stack(stack: str) -> dict[str, str]:
    """Return the exception that the text of a traceback tells of."""
    failure = find_failure(stack.strip("\n").split("\n"))
    if failure is not None:
        return {**failure.fields(), "stacktrace": stack.strip("\n")}
    return {"type": "", "message": "", "stacktrace": stack}


def _place(rest: dict[str, Any], default: Place) -> Place:
    whole = rest.get("prefix")
    if isinstance(whole, str) and "/" in whole:
        del rest["prefix"]
        parts = [*whole.split("/", 2), "", ""]
        return place_of(parts[0], parts[1], parts[2], default)
    return place_of(
        _take(rest, _PROJECTS, str), _take(rest, _SERVICES, str), _take(rest, _INSTANCES, str), default
    )


def _spread(rest: dict[str, Any]) -> None:
    """Put members of well-known objects beside the others, under names with dots."""
    for name in _NESTED:
        inner = rest.get(name)
        if isinstance(inner, dict) and 0 < len(inner) <= _MAX_NESTED:
            del rest[name]
            outer = "error" if name == "err" else name  # pino and bunyan
            for key, value in inner.items():
                rest.setdefault(f"{outer}.{key}", value)
    origin = rest.pop("log.origin", None)
    if isinstance(origin, dict):
        file = origin.get("file")
        for key, value in file.items() if isinstance(file, dict) else ():
            rest.setdefault(f"log.origin.file.{key}", value)
        rest.update({f"log.origin.{key}": value for key, value in origin.items() if key != "file"})


def _exception(rest: dict[str, Any]) -> dict[str, str] | None:
    """Take an exception that is told in parts."""
    for outer, names in _ERRORS.items():
        kind, stack = f"{outer}.type", next((name for name in names if isinstance(rest.get(name), str)), "")
        if stack or isinstance(rest.get(kind), str):
            return exception_of(rest.pop(kind, ""), rest.pop(f"{outer}.message", ""), rest.pop(stack, ""))
    return None


def _summary(exception: Mapping[str, str] | None) -> str:
    if exception is None:
        return ""
    return ": ".join(part for part in (exception["type"], exception["message"]) if part)


def _source(rest: dict[str, Any]) -> Source:
    """Take the place in the code; a `path` without a line is rather one of a request."""
    for name in _LINES:
        if isinstance(line := rest.get(name), int) and not isinstance(line, bool) and 0 < line < _LIMIT:
            file = _take(rest, _FILES, str)
            if file is not None:
                del rest[name]
                return Source(file, line, _take(rest, _FUNCTIONS, str))
    return Source()


def _take_time(rest: dict[str, Any], now_ns: int) -> int | None:
    for name in ("date", "created", "eventTime"):
        if name in rest and (found := read_time(rest[name], now_ns)) is not None:
            del rest[name]
            return found
    return None


def _take(rest: dict[str, Any], names: tuple[str, ...], kind: type[T]) -> T | None:
    """Take the first of the named values that is of a kind, and is not empty."""
    for name in names:
        value = rest.get(name)
        if value and isinstance(value, kind):
            del rest[name]
            return value
    return None


def _take_id(rest: dict[str, Any], names: tuple[str, ...], digits: int) -> str | None:
    for name in names:
        if (found := hex_id(rest.get(name), digits)) is not None:
            del rest[name]
            return found
    return None


def _take_number(rest: dict[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = rest.get(name)
        number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 11 else value
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < _LIMIT:
            del rest[name]
            return number
    return None
