"""Inside a program under `pylogtap run`: ship what it logs, and change nothing that it or its users see."""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

from pylogtap.client import measure_process
from pylogtap.errors import SettingsError
from pylogtap.handler import Handler
from pylogtap.inject import streams, travels
from pylogtap.inject.marks import Tap
from pylogtap.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.settings import Settings


class _Lowered(int):
    """A level of the root logger that is ours: the program's own handlers must not notice it."""


def attach() -> None:
    """
    Have each record shipped once, whatever handlers the program sets up.

    The hook is where a logger hands a record to its handlers, not a handler of the root logger: that one
    would make `logging.basicConfig` do nothing, and `logging.config.dictConfig` would remove it.

    Raises:
        PylogtapError: A setting cannot be read.
    """
    tap = Tap.of(os.environ)
    settings = load()
    if settings.disabled:
        return
    handler = Handler()
    if tap is not None:
        streams.replace(tap)
        _mark_printed_records()
        travels.carry_notes(tap.token)
    _ship_records(handler, _lower_root(settings.level))
    if settings.propagate:
        from pylogtap.context import propagate

        propagate()
    if settings.capture:
        if tap is not None:
            _mark_printed_failures()
        from pylogtap.capture import install

        install(handler.client)
    if settings.process_metrics:
        _measure(handler, settings)


def _measure(handler: Handler, settings: Settings) -> None:
    try:
        measure_process(handler.client, handler.prefix, settings)
    except SettingsError as error:  # a program's own environment may have no psutil
        sys.stderr.write(f"pylogtap: {error}\n")


def _lower_root(level: int) -> _Lowered | None:
    """Let records of our level through, where the program leaves the root logger's default."""
    root = logging.getLogger()
    if root.level != logging.WARNING or level >= logging.WARNING:
        return None
    lowered = _Lowered(level)
    root.level = lowered  # not setLevel, which would make a plain number of it
    return lowered


def _ship_records(handler: Handler, lowered: _Lowered | None) -> None:
    hand_over = logging.Logger.callHandlers

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if travels.was_shipped(record) or _ships_itself(self):
            travels.note_shipped(record)
            hand_over(self, record)
            return
        handler.handle(record)
        travels.note_shipped(record)
        if "pylogtap_printed" in record.__dict__:  # what Python prints itself: not the program's own record
            return
        if record.levelno < logging.WARNING and lowered is not None and self.getEffectiveLevel() is lowered:
            return
        hand_over(self, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def _ships_itself(logger: logging.Logger) -> bool:
    """Tell whether the program has set up a handler of ours for this logger."""
    each: logging.Logger | None = logger
    while each is not None:
        if any(isinstance(handler, Handler) for handler in each.handlers):
            return True
        each = each.parent if each.propagate else None
    return False


def _mark_printed_records() -> None:
    """Mark what handlers print: every record that reaches one was shipped, here or where it was logged."""
    handle = logging.Handler.handle

    def marking(self: logging.Handler, record: logging.LogRecord) -> Any:
        with streams.showing():
            return handle(self, record)

    logging.Handler.handle = marking  # type: ignore[method-assign]
    from pylogtap import console

    show = console.Console.show

    def marking_show(self: console.Console, *arguments: Any, **options: Any) -> None:
        with streams.showing():
            show(self, *arguments, **options)

    console.Console.show = marking_show  # type: ignore[method-assign]


def _mark_printed_failures() -> None:
    """Mark what Python prints of failures, which pylogtap.capture ships."""
    sys.excepthook = _marking(sys.excepthook, lambda kind, *_: not issubclass(kind, KeyboardInterrupt))
    threading.excepthook = _marking(threading.excepthook, lambda args: args.exc_type is not SystemExit)
    sys.unraisablehook = _marking(sys.unraisablehook, lambda args: args.exc_value is not None)
    warnings.showwarning = _marking(
        warnings.showwarning, lambda *arguments: len(arguments) < 5 or arguments[4] is None
    )


def _marking(hook: Callable[..., Any], is_shipped: Callable[..., bool]) -> Callable[..., Any]:
    def marking(*arguments: Any) -> None:
        if is_shipped(*arguments):
            with streams.showing():
                hook(*arguments)
        else:
            hook(*arguments)

    return marking
