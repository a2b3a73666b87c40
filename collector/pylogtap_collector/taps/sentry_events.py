"""Events of sentry's SDKs (https://develop.sentry.dev/sdk/data-model/event-payloads/) to entries."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pylogtap.text.times import read_time
from pylogtap_collector.patterns import is_bounded
from pylogtap_collector.taps.entries import NOWHERE, Entry, Source, place_of
from pylogtap_collector.taps.values import hex_id, level_of, storable, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.wire import Place

_MAX_FRAMES = 200  # of one exception
_MAX_EXCEPTIONS = 20
_MAX_CRUMBS = 100
_CAUSE = "\n\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
_OPENING = "Traceback (most recent call last):"
_PLAIN = ("release", "environment", "dist", "transaction", "fingerprint", "user", "request")


def entry_of_event(event: Mapping[str, Any], default: Place, now_ns: int) -> Entry:
    """
    Return the entry that an event means.

    Args:
        event: The payload.
        default: The place, as far as it does not say it.
        now_ns: The present, ns since the epoch.
    """
    event = storable(dict(event))
    errors = [each for each in _values(event.get("exception")) if isinstance(each, dict)][-_MAX_EXCEPTIONS:]
    exception = _exception(errors)
    message, template = _message(event)
    if not message and exception is not None:
        message = ": ".join(filter(None, (exception["type"], exception["message"])))
    level = level_of(text_of(event.get("level")) or "error")
    contexts = event.get("contexts")
    contexts = dict(contexts) if isinstance(contexts, dict) else {}
    trace = contexts.pop("trace", None)
    trace = trace if isinstance(trace, dict) else {}
    return Entry(
        place=place_of(None, None, text_of(event.get("server_name")), default),
        message=message,
        time_ns=moment(event.get("timestamp"), now_ns),
        severity=level.severity,
        level=level.name,
        logger=text_of(event.get("logger")),
        fields=_fields(event, contexts),
        exception=exception,
        template=template,
        trace_id=hex_id(trace.get("trace_id"), 32),
        span_id=hex_id(trace.get("span_id"), 16),
        source=_source(errors),
    )


def moment(value: Any, now_ns: int) -> int | None:
    """
    Return a time in ns since the epoch; None: it is none.

    Args:
        value: Seconds since the epoch, or RFC 3339; one without a zone is in UTC.
        now_ns: The present, ns since the epoch.
    """
    if isinstance(value, str):
        bare = value.strip()
        found = read_time(bare if bare[-1:] in "zZ" or "+" in bare else f"{bare}Z", now_ns)
        return read_time(bare, now_ns) if found is None else found
    return read_time(value, now_ns)


def _message(event: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the message, and the template where values were put into it."""
    entry = event.get("logentry") or event.get("message")
    if not isinstance(entry, dict):
        return text_of(entry), None
    template, formatted = text_of(entry.get("message")), text_of(entry.get("formatted"))
    params = entry.get("params")
    if not params:
        return formatted or template, None
    if not formatted and is_bounded(template):
        with suppress(TypeError, ValueError, KeyError, OverflowError):
            formatted = template % (tuple(params) if isinstance(params, list) else params)
    return formatted or template, template


def _exception(errors: list[dict[str, Any]]) -> dict[str, str] | None:
    """Return the last exception of a chain, with the stack of all of them."""
    if not errors:
        return None
    stacks = [_stack(error) for error in errors]
    text = stacks[0]
    for error, stack in zip(errors, stacks[1:], strict=False):
        mechanism = error.get("mechanism")
        source = mechanism.get("source") if isinstance(mechanism, dict) else None
        text += (_CONTEXT if source == "__context__" else _CAUSE) + stack
    last = errors[-1]
    return {"type": text_of(last.get("type")), "message": text_of(last.get("value")), "stacktrace": text}


def _stack(error: Mapping[str, Any]) -> str:
    """Return an exception as Python shows it."""
    lines = []
    for frame in _frames(error):
        line = text_of(frame.get("lineno")) or "?"
        file = text_of(frame.get("abs_path") or frame.get("filename") or frame.get("module")) or "?"
        lines.append(f'  File "{file}", line {line}, in {text_of(frame.get("function")) or "?"}')
        code = text_of(frame.get("context_line")).strip()
        if code:
            lines.append(f"    {code}")
    summary = ": ".join(filter(None, (text_of(error.get("type")), text_of(error.get("value")))))
    return "\n".join([_OPENING, *lines, summary] if lines else [summary])


def _frames(error: Mapping[str, Any]) -> list[dict[str, Any]]:
    stack = error.get("stacktrace")
    frames = stack.get("frames") if isinstance(stack, dict) else None
    return (
        [each for each in frames if isinstance(each, dict)][-_MAX_FRAMES:] if isinstance(frames, list) else []
    )


def _source(errors: list[dict[str, Any]]) -> Source:
    """Return where the last exception was raised: an event does not say where it was told."""
    frames = _frames(errors[-1]) if errors else []
    if not frames:
        return NOWHERE
    frame = frames[-1]
    line = frame.get("lineno")
    return Source(
        text_of(frame.get("abs_path") or frame.get("filename")) or None,
        line if isinstance(line, int) and not isinstance(line, bool) and line >= 0 else None,
        text_of(frame.get("function")) or None,
    )


def _fields(event: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, Any]:
    extra = event.get("extra")
    fields: dict[str, Any] = dict(extra) if isinstance(extra, dict) else {}
    tags = event.get("tags")
    pairs = tags.items() if isinstance(tags, dict) else _pairs(tags)
    for name, value in pairs:
        fields.setdefault(name, value)
    for name in _PLAIN:
        if event.get(name):
            fields.setdefault(name, event[name])
    if contexts:
        fields.setdefault("contexts", dict(contexts))
    crumbs = [_crumb(each) for each in _values(event.get("breadcrumbs")) if isinstance(each, dict)]
    if crumbs:
        fields.setdefault("breadcrumbs", crumbs[-_MAX_CRUMBS:])
    return fields


def _pairs(tags: Any) -> list[tuple[str, Any]]:
    pairs = tags if isinstance(tags, list) else []
    return [(text_of(each[0]), each[1]) for each in pairs if isinstance(each, list) and len(each) == 2]


def _crumb(crumb: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in crumb.items() if value not in (None, "", {}, [])}


def _values(given: Any) -> list[Any]:
    """Return a list that may stand under `values`."""
    if isinstance(given, dict):
        given = given.get("values", [given])
    return given if isinstance(given, list) else []
