"""This process's records, sent elsewhere for a while."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from pylogtap import client as clients
from pylogtap import logger as loggers
from pylogtap import settings
from pylogtap import structlog as chains
from pylogtap.handler import Handler
from pylogtap.testing.hooks import is_of_tests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping
    from types import FrameType

    from pylogtap.logger import Logger

_OWN = ("url", "key", "spool_dir", "disabled", "flush_interval_s")
_FLUSH_S = 5.0
_SHORT_INTERVAL = "0.1"  # seconds: a test waits for it


@contextmanager
def redirected(url: str) -> Iterator[None]:
    """
    Deliver what this process logs to another collector, and what the processes log that it starts.

    Handlers, loggers and processors that were made before deliver there as well, each under its own prefix.
    Afterwards everything is as it was.

    Args:
        url: The collector's address.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pylogtap-testing-") as folder,
        _other_settings(url, folder),
        _handled(clients.obtain(settings.load())) as client,
    ):
        detour = _Detour(client)
        detour.begin()
        try:
            yield
        finally:
            detour.end()


@contextmanager
def _other_settings(url: str, folder: str) -> Iterator[None]:
    """Let the settings name another collector, and no client be known."""
    environment = {name: os.environ.get(f"PYLOGTAP_{name.upper()}") for name in _OWN}
    process, known = dict(settings._process), dict(clients._clients)  # noqa: SLF001 - ours, put back below
    chosen = {"url": url, "spool_dir": folder, "disabled": "0", "flush_interval_s": _SHORT_INTERVAL}
    _set_environment({name: chosen.get(name) for name in _OWN})
    for name in _OWN:
        settings._process.pop(name, None)  # noqa: SLF001 - as above
    clients._clients.clear()  # noqa: SLF001 - as above
    try:
        yield
    finally:
        for client in clients.all_clients():
            client.flush(_FLUSH_S, give_up_early=True)
            client.shutdown()
        clients._clients.clear()  # noqa: SLF001 - as above
        clients._clients.update(known)  # noqa: SLF001 - as above
        settings._process.clear()  # noqa: SLF001 - as above
        settings._process.update(process)  # noqa: SLF001 - as above
        _set_environment(environment)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(f"PYLOGTAP_{name.upper()}", None)
        else:
            os.environ[f"PYLOGTAP_{name.upper()}"] = value


@contextmanager
def _handled(client: clients.Client) -> Iterator[clients.Client]:
    """Let the root logger have a handler of ours; where it has one, that does."""
    root = logging.getLogger()
    if any(type(each) is Handler for each in root.handlers):
        yield client
        return
    level, own = root.level, Handler()
    root.addHandler(own)
    root.setLevel(min(level, client.settings.level))
    try:
        yield client
    finally:
        root.removeHandler(own)
        root.setLevel(level)


class _Detour:
    """Lets what was made before write to another client."""

    def __init__(self, client: clients.Client) -> None:
        """
        Bind the other client.

        Args:
            client: The client.
        """
        self._client = client
        self._twins: dict[Any, Any] = {}
        self._connected: list[chains.Processor] = []
        self._handle, self._write = Handler.handle, loggers._write  # noqa: SLF001 - put back below
        self._keep, self._connect = chains.Processor._keep, chains.Processor._connect  # noqa: SLF001 - as above

    def begin(self) -> None:
        """Stand in the way."""
        detour, handle, connect, keep = self, self._handle, self._connect, self._keep

        def handling(self: Handler, record: logging.LogRecord) -> bool:
            twin = detour.handler(self)
            if twin is self:
                return handle(self, record)
            return handle(twin, record) if self.filter(record) else False

        def logging_(
            logger: Logger, level: int, event: str, args: tuple[Any, ...], fields: dict[str, Any],
            frame: FrameType,
        ) -> None:  # fmt: skip
            detour._write(detour.logger(logger), level, event, args, fields, frame)

        def connecting(self: chains.Processor) -> None:
            connect(self)
            detour._connected.append(self)

        def keeping(
            self: chains.Processor, client: clients.Client, logger: Any, method: str,
            event_dict: MutableMapping[str, Any], *, show: bool,
        ) -> None:  # fmt: skip
            del client  # the one that it was made with
            keep(self, detour._client, logger, method, event_dict, show=show)

        Handler.handle = handling  # type: ignore[method-assign]
        loggers._write = logging_  # noqa: SLF001 - put back below
        chains.Processor._keep = keeping  # type: ignore[method-assign]  # noqa: SLF001 - as above
        chains.Processor._connect = connecting  # type: ignore[method-assign]  # noqa: SLF001 - as above

    def end(self) -> None:
        """Leave the way."""
        Handler.handle = self._handle  # type: ignore[method-assign]
        loggers._write = self._write  # noqa: SLF001 - what was there before
        chains.Processor._keep = self._keep  # type: ignore[method-assign]  # noqa: SLF001 - as above
        chains.Processor._connect = self._connect  # type: ignore[method-assign]  # noqa: SLF001 - as above
        for processor in self._connected:  # they would stay bound to what is gone
            processor._client = None  # noqa: SLF001 - as above

    def handler(self, handler: Handler) -> Handler:
        """Return what handles records instead of a handler; itself where that tells of tests."""
        if getattr(handler, "client", None) is self._client or is_of_tests(handler):
            return handler
        twin = self._twins.get(handler)
        if twin is None:
            twin = self._twins[handler] = Handler(handler.level, prefix=handler.prefix)
        return cast("Handler", twin)

    def logger(self, logger: Logger) -> Logger:
        """Return what logs instead of a logger."""
        origin = logger._origin  # noqa: SLF001 - our own
        if origin.client is self._client:
            return logger
        twin = self._twins.get(origin)
        if twin is None:
            twin = loggers.Origin(self._client, origin.place, origin.name, origin.level)
            self._twins[origin] = twin
        return loggers.Logger(twin, logger._bound)  # noqa: SLF001 - as above
