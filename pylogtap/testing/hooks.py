"""
Where this process's records pass, and how they are heard there for a while.

Nothing that a program has set up is changed: what its handlers and loggers do, they do as before.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pylogtap import logger as loggers
from pylogtap.context import redactor
from pylogtap.handler import Handler
from pylogtap.prefix import find_prefix
from pylogtap.settings import load
from pylogtap.writer import Draft, Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from pylogtap.client import Client
    from pylogtap.logger import Logger
    from pylogtap.spool import Spool

_HEARD = frozenset({"pylogtap.handler", "pylogtap.logger"})  # whose drafts are heard before they are written
_lock = threading.RLock()
_last = threading.local()  # the record that passed last: it comes to each handler


class _NoSpool:
    """Stands where a writer has its spool, for one that writes nothing."""

    max_payload = 1 << 30


def _new_writer() -> Writer:
    return Writer(cast("Spool", _NoSpool()), redactor, arguments=False)


class Ear(NamedTuple):
    """
    Hears drafts.

    Attributes:
        hear: Called with a draft, and with the level of Python that it was logged at.
    """

    hear: Callable[[Draft, int], None]


class Catcher(Handler):
    """A handler that hands drafts to whoever listens, and keeps nothing."""

    def __init__(self, level: int = 0) -> None:
        """
        Set it up without a spool.

        Args:
            level: Records below it are ignored.
        """
        # The handler's own would open a spool, and begin to deliver.
        super(Handler, self).__init__(level)
        self.prefix = find_prefix(load().prefix, os.environ)
        self._place = str(self.prefix)
        self._disabled = False
        self._writer = _new_writer()

    def handle(self, record: logging.LogRecord) -> bool:
        """Hand a record on, once, whichever handlers it comes to."""
        self.catch(record, self._place)
        return True

    def catch(self, record: logging.LogRecord, place: str) -> None:
        """
        Hand a record on.

        Args:
            record: The record.
            place: Of the handler that it came to.
        """
        if getattr(_last, "record", None) is record:
            return
        _last.record = record
        from pylogtap.handler import _extras  # noqa: PLC0415 - what the handler takes for fields

        draft = self._draft(record, _extras(record))
        _tell(draft._replace(site=draft.site._replace(place=place)), record.levelno)


class _LogWriter(Writer):
    """Writes what our own loggers log to whoever listens."""

    def __init__(self) -> None:
        super().__init__(cast("Spool", _NoSpool()), redactor, arguments=False)

    def write(self, draft: Draft, shortcut: object = None) -> None:  # noqa: ARG002 - the writer's signature
        """Hand a draft on."""
        _tell(draft, draft.site.level)


class _LogClient:
    """A client for our own loggers that delivers nothing."""

    def __init__(self) -> None:
        self.writer = _LogWriter()


_ears: list[Ear] = []
_originals: dict[str, Any] = {}


def listen(ear: Ear) -> None:
    """
    Begin to hear what is logged.

    Args:
        ear: Hears it.
    """
    with _lock:
        _ears.append(ear)
        if len(_ears) == 1:
            catcher = Catcher()
            logging.getLogger().addHandler(catcher)
            _originals["catcher"] = catcher
            _tap(catcher)


def is_of_tests(handler: Handler) -> bool:
    """Tell whether a handler is of our pytest plugin, and so tells of the tests themselves."""
    return type(handler).__module__.startswith("pylogtap.cases")


def forget(ear: Ear) -> None:
    """Hear no more."""
    with _lock:
        _ears.remove(ear)
        if not _ears:
            _untap()


def _tell(draft: Draft, level: int) -> None:
    for ear in tuple(_ears):
        ear.hear(draft, level)


def _tap(catcher: Catcher) -> None:
    """Pass by where records come together, before what is there does its work."""
    handle, write_log, write = Handler.handle, loggers._write, Writer.write  # noqa: SLF001 - as above
    _originals.update(handle=handle, write_log=write_log, write=write)
    silent = cast("Client", _LogClient())

    def handling(self: Handler, record: logging.LogRecord) -> bool:
        if not is_of_tests(self):
            catcher.catch(record, str(self.prefix))
        return handle(self, record)

    def logging_(
        logger: Logger, level: int, event: str, args: tuple[Any, ...], fields: dict[str, Any],
        frame: FrameType,
    ) -> None:  # fmt: skip
        origin = loggers.Origin(None, logger._origin.place, logger._origin.name, logger._origin.level)  # noqa: SLF001
        origin.client, origin.disabled = silent, False
        twin = loggers.Logger(origin, logger._bound)  # noqa: SLF001 - as above
        loggers._write_slowly(twin, level, event, args, dict(fields), frame)  # noqa: SLF001 - as above
        write_log(logger, level, event, args, fields, frame)

    def writing(self: Writer, draft: Draft, shortcut: Any = None) -> None:
        caller = sys._getframe(1).f_globals.get("__name__", "")  # noqa: SLF001 - whose draft it is
        if caller not in _HEARD and not caller.startswith("pylogtap.cases"):
            _tell(draft, draft.site.level)
        write(self, draft, shortcut)

    Handler.handle = handling  # type: ignore[method-assign]
    loggers._write = logging_  # noqa: SLF001 - as above
    Writer.write = writing  # type: ignore[method-assign]


def _untap() -> None:
    logging.getLogger().removeHandler(_originals["catcher"])
    Handler.handle = _originals["handle"]  # type: ignore[method-assign]
    loggers._write = _originals["write_log"]  # noqa: SLF001 - as above
    Writer.write = _originals["write"]  # type: ignore[method-assign]
    _originals.clear()
