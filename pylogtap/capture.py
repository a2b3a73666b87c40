"""
Make records of everything that goes wrong in a process.

That is: what ends main, threads and tasks, what cannot be raised, warnings, and the stack at a fatal signal.

Each hook calls the one that was there before, so nothing that people saw is hidden. Exceptions of asyncio
tasks need none: asyncio logs them itself.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from pylogtap.faults import FAULT_SUFFIX, head_of

if TYPE_CHECKING:
    from types import TracebackType

    from pylogtap.client import Client

_log = logging.getLogger("pylogtap.uncaught")
_warnings_log = logging.getLogger("py.warnings")
_state: dict[str, Any] = {}


def install(client: Client) -> None:
    """Set the hooks, once a process."""
    if "installed" in _state:
        return
    _state["installed"] = True
    _hook_main()
    _hook_threads()
    _hook_unraisable()
    _hook_warnings()
    _catch_fatal_signals(client)


def _hook_main() -> None:
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            _record("uncaught exception", (kind, error, trace), logging.CRITICAL)
        before(kind, error, trace)

    sys.excepthook = hook


def _hook_threads() -> None:
    before = threading.excepthook

    def hook(args: Any) -> None:
        if args.exc_type is not SystemExit and args.exc_value is not None:
            name = args.thread.name if args.thread is not None else None
            error = (args.exc_type, args.exc_value, args.exc_traceback)
            _record("uncaught exception in a thread", error, logging.ERROR, failed_thread=name)
        before(args)

    threading.excepthook = hook


def _hook_unraisable() -> None:
    before = sys.unraisablehook

    def hook(args: Any) -> None:
        if args.exc_value is not None:
            error = (args.exc_type, args.exc_value, args.exc_traceback)
            _record(args.err_msg or "exception ignored", error, logging.ERROR, raised_in=repr(args.object))
        before(args)

    sys.unraisablehook = hook


def _hook_warnings() -> None:
    before = warnings.showwarning

    def hook(  # the signature is Python's
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is None:
            record = _warnings_log.makeRecord(
                "py.warnings", logging.WARNING, filename, lineno, str(message), (), None, "",
                {"category": category.__name__, "pylogtap_printed": True},
            )  # fmt: skip
            _hand_over(_warnings_log, record)
        before(message, category, filename, lineno, file, line)

    warnings.showwarning = hook


def _hand_over(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Give a record to the handlers also where `dictConfig` has disabled all loggers it does not name."""
    logger.callHandlers(record)


def _record(message: str, error: Any, level: int, **fields: Any) -> None:
    """Log without printing: the hook that was there before prints."""
    with suppress(Exception):  # a hook for failures must not fail
        file, line, function = _place_of(error[2])
        extra = {"pylogtap_printed": True, **fields}
        _hand_over(_log, _log.makeRecord(_log.name, level, file, line, message, (), error, function, extra))


def _place_of(trace: TracebackType | None) -> tuple[str, int, str]:
    """Return where an exception was raised."""
    if trace is None:
        return "", 0, ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return code.co_filename, trace.tb_lineno, code.co_name


def _catch_fatal_signals(client: Client) -> None:
    """Have the stack at a fatal signal written beside the spool, where the next process finds it."""
    if client.spool.directory is None or faulthandler.is_enabled():
        return
    path = os.path.join(client.spool.directory, client.spool.stem + FAULT_SUFFIX)
    file = open(path, "w", encoding="utf-8")  # noqa: SIM115 - stays open as long as the process
    file.write(head_of(client.prefix))
    file.flush()
    faulthandler.enable(file)
    _state["faults"] = (file, path)


def forget_faults() -> None:
    """At an orderly end: no signal was fatal, so nothing needs to be left behind."""
    faults = _state.pop("faults", None)
    if faults is not None:
        file, path = faults
        faulthandler.disable()
        file.close()
        if os.path.exists(path):
            os.unlink(path)
