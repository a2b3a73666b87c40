"""The `logging` handler."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from pylogtap import client as clients
from pylogtap import wire
from pylogtap.context import bound, propagate, redactor, sources
from pylogtap.record import new_packer, severity_of
from pylogtap.settings import load
from pylogtap.values import MAX_TEMPLATE, PLAIN, Degrader, is_exact, safe_text, well_formed
from pylogtap.writer import Draft, Shortcut, Site

if TYPE_CHECKING:
    from collections.abc import Collection

    from pylogtap.prefix import Prefix
    from pylogtap.settings import Settings

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__)
# Left on the record by other handlers' formatters, and by our own hooks for the console.
_KNOWN = _STANDARD | {"message", "asctime", "pylogtap_printed"}


class Handler(logging.Handler):
    """
    Keeps each record in the crash-proof spool before the call returns, and ships it in the background.

    Usable from ``logging.config.dictConfig``::

        {"class": "pylogtap.Handler", "prefix": "shop/checkout/web-1"}

    It never raises, never waits for the network and takes no lock (`handle` is overridden for that reason).
    """

    def __init__(
        self,
        level: int | str = logging.NOTSET,
        *,
        prefix: str | Prefix | None = None,
        url: str | None = None,
        key: str | None = None,
        **settings: Any,
    ) -> None:
        """
        Set up a handler.

        Args:
            level: Records below it are ignored.
            prefix: Place of the records; default: the process's.
            url: The collector's address.
            key: Proves to the collector that we may deliver.
            settings: More of :class:`pylogtap.settings.Settings`. `capture`, `propagate`
                and `process_metrics` concern the whole process; a handler sees to them only where they are
                given here.

        Raises:
            SettingsError: A setting cannot be read.
            PrefixError: The prefix is none.
        """
        super().__init__(level)
        read = load(url=url, key=key, prefix=str(prefix) if prefix else None, **settings)
        self.prefix = clients.prefix_of(read, prefix)
        self._place = str(self.prefix)
        self._disabled = read.disabled
        self._pack = new_packer().pack
        self._main = threading.main_thread().ident
        if not read.disabled:
            self.client = self._obtain(read)
            self._writer = self.client.writer
            self._spool = self.client.spool
            self._limit = self._writer.limit
            self._do_what_was_asked(read, settings.keys())

    def _obtain(self, settings: Settings) -> clients.Client:
        """Return what delivers: the process's client for this collector."""
        return clients.obtain(settings)

    def _do_what_was_asked(self, read: Settings, given: Collection[str]) -> None:
        """Set up for the process what `init` sets up by itself, where the handler is told to."""
        if "capture" in given and read.capture:
            from pylogtap.capture import install  # noqa: PLC0415 - only where it is switched on

            install(self.client)
        if "propagate" in given and read.propagate:
            propagate()
        if "process_metrics" in given:
            clients.measure_process(self.client, self.prefix, read)

    def handle(self, record: logging.LogRecord) -> bool:  # noqa: C901, PLR0912 - each call would cost all callers
        """
        Keep a record.

        The common case is handled here: a known call site, plain values, no exception. Everything else goes
        the slow way.
        """
        if self.filters:
            kept = self.filter(record)
            if not kept:
                return False
            if kept is not True and isinstance(kept, logging.LogRecord):  # a filter may replace it (3.12)
                record = kept
        if self._disabled:
            return True
        try:
            values = record.__dict__
            spool = self._spool
            table = spool.table
            message, args = values["msg"], values["args"]
            number, level, name, path = (
                values["lineno"],
                values["levelno"],
                values["name"],
                values["pathname"],
            )
            entry = table.get((message, number, level, name, path, self._place))
            if entry is None:
                entry = table.lines.get((number, level, name, path, self._place))
                if entry is None or args or type(message) is not str:
                    return self._keep(record)
                args = message  # the text varies: it travels itself
            else:
                if type(args) is not tuple:  # a mapping: its keys may name secrets
                    return self._keep(record)
                for value in args:
                    if type(value) not in PLAIN:
                        return self._keep(record)
            number, size, names = entry
            if len(values) != size or values["exc_info"] or values["stack_info"] or sources:
                return self._keep(record)
            fields = bound.get()
            if names:
                fields = {} if fields is None else fields.copy()
                for name in names:
                    value = values[name]
                    if type(value) not in PLAIN:
                        return self._keep(record)
                    fields[name] = value
            if values["thread"] == self._main:
                payload = self._pack((number, values["created"], args, fields))
            else:
                thread = table.threads[values["thread"], values["threadName"]]
                payload = self._pack((number, values["created"], args, fields, {"h": thread}))
            if len(payload) <= self._limit and spool.append(payload, table):
                return True
        except Exception:  # noqa: BLE001, S110 - a new call site, or a value that msgpack refuses
            pass
        return self._keep(record)

    def _keep(self, record: logging.LogRecord) -> bool:
        """Keep a record of any kind."""
        try:
            extras = _extras(record)
            self._writer.write(self._draft(record, extras), self._shortcut(record, extras))
        except Exception:  # noqa: BLE001 - nothing that is logged may hurt who logs it
            self._spool.drop("unencodable")
        return True

    def _shortcut(self, record: logging.LogRecord, extras: list[tuple[str, Any]]) -> Shortcut | None:
        """Return how `handle` will find this call site again, if its records may go the fast way."""
        if type(record.msg) is not str or type(record.args) is not tuple:
            return None
        names = tuple(name for name, _ in extras)
        if any(type(name) is not str or redactor.is_secret(name) for name in names):
            return None
        line = (record.lineno, record.levelno, record.name, record.pathname, self._place)
        return Shortcut((record.msg, *line), line, len(record.__dict__), names)

    def _draft(self, record: logging.LogRecord, extras: list[tuple[str, Any]]) -> Draft:
        more: dict[str, Any] = {}
        exact = type(record.msg) is str and len(record.msg) <= MAX_TEMPLATE
        text, args = self._message(record, more)
        site = Site(
            template=well_formed(record.msg) if exact else None,
            line=record.lineno,
            level=record.levelno,
            logger=well_formed(str(record.name)),
            file=well_formed(str(record.pathname)),
            place=self._place,
            severity=severity_of(record.levelno),
            level_name=well_formed(str(record.levelname)).lower(),
            function=well_formed(record.funcName or ""),
            style=wire.STYLE_PERCENT,
        )
        fields = self._writer.fields_of(extras, more)
        if record.exc_info:
            self._writer.exception_of(record.exc_info, more)
        if record.stack_info:
            self._writer.stack_of(record.stack_info, more)
        return Draft(site, record.created, args, fields, more or None, text)

    def _message(self, record: logging.LogRecord, more: dict[str, Any]) -> tuple[str, Any]:
        """Return the finished message, and the arguments where they can travel as they are."""
        degrader = Degrader(redactor)
        args = record.args
        if args and not isinstance(args, (tuple, dict)):
            args = (args,)
        travels = all(map(is_exact, args)) if type(args) is tuple else not args
        if not travels:
            args = self._without_secrets(args)
        try:
            message = str(record.msg)
            text = message % args if args else message
        except Exception as error:  # noqa: BLE001 - a wrong format, or an argument that raises
            degrader.degraded, travels = True, False
            text = (
                f"{degrader.text(safe_text(record.msg))} {degrader.represent(args)} ({type(error).__name__})"
            )
        text = degrader.text(text)
        if not travels or degrader.degraded:
            travels = False
            more[wire.MORE_MESSAGE] = text
        if degrader.degraded:
            more.setdefault(wire.MORE_DEGRADED, []).append("message")
        return text, list(args or ()) if travels and type(args) is tuple else None

    def _without_secrets(self, args: Any) -> Any:
        """Return arguments to format: containers that hold secrets under keys are copied without them."""
        if isinstance(args, dict):
            return {name: self._without_secret(name, value) for name, value in args.items()}
        return tuple(self._without_secret("", value) for value in args)

    def _without_secret(self, name: Any, value: Any) -> Any:
        if type(value) in PLAIN and not (name and redactor.is_secret(str(name))):
            return value
        probe = Degrader(redactor)
        converted = probe.convert({str(name): value} if name else value)
        if probe.redacted:
            return converted[str(name)] if name else converted
        return value

    def flush(self) -> None:
        """Do nothing: what a call returned from is safe; :func:`pylogtap.flush` waits for delivery."""


def _extras(record: logging.LogRecord) -> list[tuple[str, Any]]:
    """Return what `extra=` or a filter put on a record."""
    return [item for item in list(record.__dict__.items()) if item[0] not in _KNOWN]
