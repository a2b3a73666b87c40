"""Switch logging on for a process, and the few acts that concern all of it."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from pylogtap import client as clients
from pylogtap import wire
from pylogtap.context import propagate
from pylogtap.counters import Stats
from pylogtap.handler import Handler
from pylogtap.settings import load, remember
from pylogtap.writer import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap.prefix import Prefix


def init(prefix: str | Prefix | None = None, **settings: Any) -> Handler:
    """
    Send what this process logs to the collector.

    Attaches a :class:`pylogtap.Handler` to the root logger, lowers the root level to the set one, and, each
    by its setting, records what goes wrong, carries the context into threads and prints readable lines. What
    is given here is the default for all handlers and loggers made later. A second call replaces the first.

    Args:
        prefix: `project/service/instance`; default: the environment's, the file's, or made from names.
        settings: See :class:`pylogtap.settings.Settings`.

    Raises:
        SettingsError: A setting cannot be read, or asks for a package that is not installed.
        PrefixError: The prefix is none.
    """
    remember(prefix=str(prefix) if prefix else None, **settings)
    read = load()
    if read.process_metrics and not read.disabled:
        from pylogtap.process.meter import load_psutil  # noqa: PLC0415 - only where something is switched on

        load_psutil()  # where it is missing, nothing is set up
    handler = Handler()
    root = logging.getLogger()
    for old in [each for each in root.handlers if getattr(each, "set_by_init", False)]:
        logging.Logger.removeHandler(root, old)
    if not read.disabled:
        _attach(handler, root, read)
    return handler


class _Staying:
    """
    Keeps our handler on the root logger when a configuration that comes later clears it.

    `dictConfig`, `fileConfig` and `basicConfig(force=True)` remove what others have attached; frameworks call
    them after a program's first lines. A configuration that brings a handler of ours replaces this one.
    """

    def __init__(self, root: logging.Logger, handler: Handler) -> None:
        self._root, self._handler = root, handler
        self._is_due = False
        root.removeHandler = self.remove  # type: ignore[method-assign]
        root.addHandler = self.add  # type: ignore[method-assign]

    def remove(self, hdlr: logging.Handler) -> None:
        """Take the place of the root logger's `removeHandler`."""
        caller = _caller()
        if hdlr is self._handler and caller == "logging.config":
            return
        # basicConfig does nothing while there is any handler: ours comes back behind its own.
        self._is_due = hdlr is self._handler and caller == "logging"
        logging.Logger.removeHandler(self._root, hdlr)

    def add(self, hdlr: logging.Handler) -> None:
        """Take the place of the root logger's `addHandler`."""
        logging.Logger.addHandler(self._root, hdlr)
        if isinstance(hdlr, Handler) and hdlr is not self._handler and _caller() == "logging.config":
            logging.Logger.removeHandler(self._root, self._handler)
        elif self._is_due:
            self._is_due = False
            logging.Logger.addHandler(self._root, self._handler)


def _caller() -> object:
    return sys._getframe(2).f_globals.get("__name__")  # noqa: SLF001 - who clears, and who means it


def _stay_in_celery(signals: Any, handler: Handler) -> None:
    """
    Attach our handler to the loggers that a worker of celery has just set up.

    It clears the root logger's handlers, and cuts the loggers of its tasks off the root.
    """

    def attach(logger: logging.Logger, **_: Any) -> None:
        if logger.parent is None or not logger.propagate:
            logger.addHandler(handler)

    for signal in (signals.after_setup_logger, signals.after_setup_task_logger):
        signal.disconnect(dispatch_uid="pylogtap")  # of an earlier call of `init`
        signal.connect(attach, weak=False, dispatch_uid="pylogtap")


def _attach(handler: Handler, root: logging.Logger, settings: Any) -> None:
    from pylogtap.console import console_handler  # noqa: PLC0415 - only where something is switched on

    shown = console_handler(settings, root)
    for each in filter(None, (handler, shown)):
        each.set_by_init = True  # type: ignore[attr-defined]
        root.addHandler(each)
    _Staying(root, handler)
    if signals := sys.modules.get("celery.signals"):  # else it does not run this program
        _stay_in_celery(signals, handler)
    if root.level == logging.NOTSET or root.level > settings.level:
        root.setLevel(settings.level)
    if settings.propagate:
        propagate()
    if settings.capture:
        from pylogtap.capture import install  # noqa: PLC0415 - as above

        install(handler.client)
    clients.measure_process(handler.client, handler.prefix, settings)


def emit(
    prefix: str | Prefix,
    message: str,
    *,
    time_ns: int | None = None,
    level: str = "info",
    severity: int = 9,
    logger: str = "",
    fields: Mapping[str, Any] | None = None,
    exception: Mapping[str, Any] | None = None,
) -> None:
    """
    Keep a record that was not logged in this process, such as a line of another program.

    Args:
        prefix: Its place.
        message: Its text.
        time_ns: Nanoseconds since the epoch; default: now.
        level: The level's name as the source wrote it.
        severity: OpenTelemetry severity, 1 to 24; 0 is unknown.
        logger: The logger's name.
        fields: Further values.
        exception: ``type``, ``message`` and ``stacktrace``.
    """
    client = clients.obtain(load())
    site = Site(message, 0, 0, logger, "", str(prefix), severity, level.lower(), "", wire.STYLE_TEXT)
    more = {wire.MORE_EXCEPTION: dict(exception)} if exception else {}
    client.emit(site, time.time_ns() if time_ns is None else time_ns, fields or {}, more)


def flush(timeout_s: float = 5) -> bool:
    """
    Wait until the collector has confirmed what was logged so far.

    Args:
        timeout_s: Most seconds to wait.

    Returns:
        Whether it has. What it has not confirmed stays safe, and is delivered later.
    """
    deadline = time.monotonic() + timeout_s
    done = [each.flush(max(0.0, deadline - time.monotonic())) for each in clients.all_clients()]
    return all(done)


def shutdown() -> None:
    """Deliver what is left, within the exit time, and close; done by itself at the end of the process."""
    clients.shutdown()


def stats() -> Stats:
    """Return what became of this process's records."""
    each = [client.stats() for client in clients.all_clients()]
    if not each:
        return Stats()
    dropped: dict[str, int] = {}
    for one in each:
        for reason, count in one.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    return Stats(
        accepted=sum(one.accepted for one in each),
        shipped=sum(one.shipped for one in each),
        spooled=sum(one.spooled for one in each),
        spooled_bytes=sum(one.spooled_bytes for one in each),
        dropped=dropped,
        last_error=next((one.last_error for one in each if one.last_error), None),
        directory=each[0].directory,
    )
