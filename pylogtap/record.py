"""Payloads: what pylogtap.wire describes, made from what Python has. No state, no input or output."""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

import msgpack

from pylogtap import wire
from pylogtap.values import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from pylogtap.values import Degrader

MAX_STACK = 32 << 10  # characters of a stack trace; its ends are kept
_STEPS = ((50, 21), (40, 17), (30, 13), (20, 9), (10, 5))  # Python level, OpenTelemetry severity


def new_packer() -> msgpack.Packer:
    """Return a packer. It calls no Python code while it packs, so no thread can interrupt it."""
    return msgpack.Packer(autoreset=True)


def severity_of(level: int) -> int:
    """
    Return the OpenTelemetry severity (1 to 24) of a Python level.

    The named levels map as in the OpenTelemetry logs data model; levels between two of them keep their
    order within the range of the lower one.
    """
    for base, severity in _STEPS:
        if level >= base:
            return severity + min(3, (level - base) * 4 // 10)
    return 1 + min(3, max(0, level) * 4 // 10)


def process_payload(program: str, host: str, version: str) -> bytes:
    """Describe this process: the first frame of each segment."""
    return _pack(
        [0, wire.KIND_PROCESS, {
            "host": host, "pid": os.getpid(), "program": program, "client": version,
            "runtime": f"{sys.implementation.name} {sys.version.split()[0]}", "started": time.time_ns(),
        }]
    )  # fmt: skip


def place_payload(number: int, prefix: str) -> bytes:
    """Give a prefix a number."""
    return _pack([0, wire.KIND_PLACE, number, prefix])


def thread_payload(number: int, ident: int, name: str) -> bytes:
    """Give a thread a number."""
    return _pack([0, wire.KIND_THREAD, number, ident, name])


def site_payload(number: int, site: tuple[int, str, int, str, str | None, str, int, str, int]) -> bytes:
    """Give a call site a number; the site's items stand in the order of wire.KIND_SITE."""
    return _pack([0, wire.KIND_SITE, number, *site])


def loss_payload(place: str, losses: Mapping[str, int]) -> bytes:
    """Tell how many records were dropped before this point, by reason."""
    return _pack([0, wire.KIND_LOSS, time.time_ns(), place, dict(losses)])


def samples_payload(time_ns: int, place: str, samples: Iterable[tuple[Any, ...]]) -> bytes:
    """
    Tell values of metrics.

    Args:
        time_ns: When they were read, ns since the epoch.
        place: The prefix of what was measured.
        samples: Name, value, unit, kind and labels of each, in this order.
    """
    return _pack([0, wire.KIND_SAMPLES, time_ns, place, [list(each) for each in samples]])


def exception_fields(
    error: BaseException, trace: TracebackType | None, degrader: Degrader, *, arguments: bool
) -> dict[str, Any]:
    """
    Describe an exception with its causes and its stack.

    Args:
        error: The exception.
        trace: Its traceback; None where it was never raised.
        degrader: Makes text of what is no text.
        arguments: Also represent the arguments of the innermost frame.
    """
    kind = type(error)
    module = kind.__module__
    result: dict[str, Any] = {
        "type": kind.__qualname__ if module in {"builtins", "__main__"} else f"{module}.{kind.__qualname__}",
        "message": degrader.text(safe_text(error)),
        "stacktrace": degrader.text(_stack_of(error, trace)),
    }
    if arguments and trace is not None:
        result["arguments"] = _arguments_of(trace, degrader)
    return result


def shorten_stack(text: str) -> str:
    """Keep the beginning and the end of a long stack: the cause and the place."""
    if len(text) <= MAX_STACK:
        return text
    half = MAX_STACK // 2
    return f"{text[:half]}\n… [{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def _stack_of(error: BaseException, trace: TracebackType | None) -> str:
    try:
        text = "".join(traceback.format_exception(type(error), error, trace))
    except Exception as failure:  # noqa: BLE001 - formatting runs user code (__str__, __cause__ properties)
        text = f"{type(error).__qualname__} (its stack could not be formatted: {type(failure).__name__})"
    return shorten_stack(text.rstrip("\n"))


def _arguments_of(trace: TracebackType, degrader: Degrader) -> dict[str, str]:
    while trace.tb_next is not None:
        trace = trace.tb_next
    code, values = trace.tb_frame.f_code, trace.tb_frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args and **kwargs, see inspect
    names = [name for name in code.co_varnames[:count] if name in values]
    return {name: degrader.represent_argument(name, values[name]) for name in names}


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed
