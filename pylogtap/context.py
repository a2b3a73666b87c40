"""
Fields that every record carries while they are bound: of this task or thread, and of what it starts.

The bound fields live in a context variable, so each asyncio task has its own. :func:`propagate` also carries
the context into threads and executors, which Python by itself does not do before 3.14.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from pylogtap.redact import REDACTED, Redactor
from pylogtap.values import Degrader, is_exact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

bound: ContextVar[dict[str, Any] | None] = ContextVar("pylogtap_bound", default=None)
redactor = Redactor()  # shared, so that keys are judged once for all handlers and loggers

# Each returns (fields, trace id, span id) of other libraries' contexts; empty unless those are in use.
sources: list[Callable[[], tuple[dict[str, Any] | None, str | None, str | None]]] = []
_changing = threading.Lock()  # of what the process runs for

# The test case that this task or thread runs for, 32 hex digits; see :func:`current_case`. Set it by
# :func:`within_case` alone, which also leaves a mark among the bound fields.
case: ContextVar[str | None] = ContextVar("pylogtap_case", default=None)
_process_case: str | None = None  # what the whole process runs for, where a test runner runs in it

# No name that a field can have, and a value that msgpack refuses: a record within a case so leaves the fast
# ways of handler and logger, which need not look for a case, and pay nothing for it.
_MARK = "\0case"
_REFUSED = object()
_TAKEN_ALONG = "_pylogtap_case"  # attribute of an exception
_CHAIN = 10  # exceptions, of which one was raised from the next, that are looked at


def current_case() -> str | None:
    """Return the id of the test case that what runs here runs for: this context's, or the process's."""
    return case.get() or _process_case


def set_process_case(case_id: str | None) -> None:
    """
    Let everything that has no case of its own, in whatever thread, run for a case.

    Args:
        case_id: Its id; None: for none any more.
    """
    global _process_case  # noqa: PLW0603 - a test runner runs one case at a time in a process
    with _changing:
        _process_case = case_id
        if (_process in sources) != bool(case_id):
            (sources.append if case_id else sources.remove)(_process)


def _process() -> tuple[None, None, None]:
    """Stand among the sources, as these keep records off the fast ways, while the process has a case."""
    return None, None, None


@contextmanager
def within_case(case_id: str | None) -> Iterator[None]:
    """
    Run a ``with`` block for a case: what it logs, and what it starts, belongs to the case.

    An exception that leaves the block takes the case along, as servers log it behind the block.

    Args:
        case_id: Its id; None: changes nothing.
    """
    if not case_id:
        yield
        return
    marked = bound.set({**(bound.get() or {}), _MARK: _REFUSED})
    token = case.set(case_id)
    try:
        yield
    except Exception as error:
        error.__dict__.setdefault(_TAKEN_ALONG, case_id)
        raise
    finally:
        case.reset(token)
        bound.reset(marked)


def case_of(error: BaseException) -> str | None:
    """
    Return the case that an exception, or what it was raised from, has taken along.

    Args:
        error: The exception.
    """
    each: BaseException | None = error
    for _ in range(_CHAIN):
        if each is None:
            break
        if taken := each.__dict__.get(_TAKEN_ALONG):
            return str(taken)
        each = each.__cause__ or each.__context__
    return None


def bind(**fields: Any) -> None:
    """Add fields to every record of this task or thread from now on."""
    bound.set({**(bound.get() or {}), **plain_fields(fields)})


def unbind(*names: str) -> None:
    """Leave these fields out again."""
    rest = {name: value for name, value in (bound.get() or {}).items() if name not in names}
    bound.set(rest or None)


def clear() -> None:
    """Leave all bound fields out again."""
    bound.set({_MARK: _REFUSED} if case.get() else None)


@contextmanager
def bound_fields(**fields: Any) -> Iterator[None]:
    """Add fields to every record logged within a ``with`` block."""
    token = bound.set({**(bound.get() or {}), **plain_fields(fields)})
    try:
        yield
    finally:
        bound.reset(token)


def fields_here() -> dict[str, Any]:
    """Return the fields that are bound here, in a dict of their own."""
    fields = dict(bound.get() or {})
    fields.pop(_MARK, None)
    return fields


def plain_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields as they can travel: secrets left out, values converted now, as they may change later."""
    degrader = Degrader(redactor)
    return {
        name: REDACTED
        if redactor.is_secret(name)
        else (value if is_exact(value) else degrader.convert(value))
        for name, value in fields.items()
    }


def find_sources() -> None:
    """Notice libraries with contexts of their own, once they have been imported."""
    if "opentelemetry.trace" in sys.modules and _open_telemetry not in sources:
        sources.append(_open_telemetry)
    if "structlog.contextvars" in sys.modules and _structlog not in sources:
        sources.append(_structlog)


def _open_telemetry() -> tuple[dict[str, Any] | None, str | None, str | None]:
    span = sys.modules["opentelemetry.trace"].get_current_span().get_span_context()
    if not span.is_valid:
        return None, None, None
    return None, f"{span.trace_id:032x}", f"{span.span_id:016x}"


def _structlog() -> tuple[dict[str, Any] | None, str | None, str | None]:
    fields = sys.modules["structlog.contextvars"].get_contextvars()
    return (plain_fields(fields) if fields else None), None, None


def propagate() -> None:
    """Let threads and executor jobs start with the context of the code that starts them. Idempotent."""
    if not getattr(threading.Thread.start, "carries_context", False):
        threading.Thread.start = _carrying_start(threading.Thread.start)  # type: ignore[method-assign,assignment]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only when switched on

    if not getattr(ThreadPoolExecutor.submit, "carries_context", False):
        ThreadPoolExecutor.submit = _carrying_submit(ThreadPoolExecutor.submit)  # type: ignore[method-assign]


def _carrying_start(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    def carrying(self: threading.Thread) -> None:
        run, context = self.run, copy_context()

        def within() -> None:
            del self.__dict__["run"]  # else the thread and this function would keep each other alive
            for (
                variable,
                value,
            ) in context.items():  # not by `run`: the hook for what ends a thread needs them
                variable.set(value)
            run()

        self.run = within  # type: ignore[method-assign]
        start(self)

    carrying.carries_context = True  # type: ignore[attr-defined]
    return carrying


def _carrying_submit(submit: Any) -> Any:
    def carrying(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, copy_context().run, fn, *args, **kwargs)

    carrying.carries_context = True  # type: ignore[attr-defined]
    return carrying
