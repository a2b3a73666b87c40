"""Our own logger: structlog's manner of calling, a prefix of its own, and no work that is not needed."""

from __future__ import annotations

import sys
from _thread import get_ident
from threading import current_thread, main_thread
from time import time_ns
from typing import TYPE_CHECKING, Any

from pylogtap import client as clients
from pylogtap import wire
from pylogtap.context import bound, plain_fields, redactor, sources
from pylogtap.record import new_packer, severity_of
from pylogtap.settings import load
from pylogtap.values import MAX_TEMPLATE, PLAIN, Degrader, is_exact, safe_text
from pylogtap.writer import Draft, Shortcut, Site

if TYPE_CHECKING:
    from types import FrameType

    from pylogtap.client import Client
    from pylogtap.prefix import Prefix

_frame = sys._getframe  # noqa: SLF001 - the documented way to the caller; inspect's wrapper costs microseconds
_NAMES = {50: "critical", 40: "error", 30: "warning", 20: "info", 10: "debug"}


class Origin:
    """What a logger and those bound from it share: its place, name and way out. Compared by identity."""

    __slots__ = (
        "client",
        "console",
        "disabled",
        "harmless",
        "level",
        "limit",
        "main",
        "name",
        "pack",
        "place",
        "spool",
    )

    def __init__(self, client: Client | None, place: str, name: str, level: int) -> None:
        """
        Bind a client.

        Args:
            client: Where records go; None: nowhere.
            place: The prefix.
            name: The logger's name.
            level: Least level kept.
        """
        self.client = client
        self.place, self.name, self.level = place, name, level
        self.disabled = client is None
        self.harmless = redactor.harmless
        self.pack = new_packer().pack
        self.main = main_thread().ident
        self.console: Any = None
        if client is not None:
            self.spool = client.spool
            self.limit = client.writer.limit


class Logger:
    """
    A bound logger: ``log.info("paid", cents=3)``.

    The event is a constant text, the values are fields. ``bind`` returns a logger whose records carry more
    fields; the fields bound in :mod:`pylogtap.context` come with every record too.
    """

    __slots__ = ("_bound", "_origin")

    def __init__(self, origin: Origin, fields: dict[str, Any] | None = None) -> None:
        """
        Make a logger; users call :func:`pylogtap.get_logger`.

        Args:
            origin: What it shares.
            fields: Its bound fields, able to travel.
        """
        self._origin = origin
        self._bound = fields

    def bind(self, **fields: Any) -> Logger:
        """Return a logger whose records carry these fields too; values are taken as they are now."""
        return Logger(self._origin, {**(self._bound or {}), **plain_fields(fields)})

    def unbind(self, *names: str) -> Logger:
        """Return a logger without these fields."""
        rest = {name: value for name, value in (self._bound or {}).items() if name not in names}
        return Logger(self._origin, rest or None)

    def new(self, **fields: Any) -> Logger:
        """Return a logger with these fields only."""
        return Logger(self._origin).bind(**fields)

    def debug(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at level DEBUG (10)."""
        if self._origin.level <= 10:
            _write(self, 10, event, args, fields, _frame(1))

    def info(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at level INFO (20)."""
        if self._origin.level <= 20:
            _write(self, 20, event, args, fields, _frame(1))

    def warning(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at level WARNING (30)."""
        if self._origin.level <= 30:
            _write(self, 30, event, args, fields, _frame(1))

    warn = warning

    def error(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at level ERROR (40)."""
        if self._origin.level <= 40:
            _write(self, 40, event, args, fields, _frame(1))

    def critical(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at level CRITICAL (50)."""
        if self._origin.level <= 50:
            _write(self, 50, event, args, fields, _frame(1))

    fatal = critical

    def exception(self, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at level ERROR (40), with the exception that is being handled."""
        if self._origin.level <= 40:
            fields.setdefault("exc_info", True)
            _write(self, 40, event, args, fields, _frame(1))

    def log(self, level: int, event: str, /, *args: Any, **fields: Any) -> None:
        """Log at any Python level."""
        if self._origin.level <= level:
            _write(self, level, event, args, fields, _frame(1))

    def is_enabled_for(self, level: int) -> bool:
        """Tell whether records of this level are kept."""
        return not self._origin.disabled and self._origin.level <= level

    def __repr__(self) -> str:
        """Return what identifies it."""
        return f"<pylogtap.Logger {self._origin.place} {self._origin.name!r} {self._bound or {}}>"


def get_logger(
    prefix: str | Prefix | None = None,
    *,
    name: str = "",
    url: str | None = None,
    key: str | None = None,
    **settings: Any,
) -> Logger:
    """
    Return a logger of its own place.

    Args:
        prefix: `project/service/instance`; default: the process's.
        name: The logger's name, such as a module's.
        url: The collector's address.
        key: Proves to the collector that we may deliver.
        settings: More of :class:`pylogtap.settings.Settings`.

    Raises:
        SettingsError: A setting cannot be read.
        PrefixError: The prefix is none.
    """
    read = load(url=url, key=key, prefix=str(prefix) if prefix else None, **settings)
    place = str(clients.prefix_of(read, prefix))
    client = None if read.disabled else clients.obtain(read)
    origin = Origin(client, place, name, read.level)
    if client is not None:
        from pylogtap.console import wanted_console  # noqa: PLC0415 - where there is something to show

        origin.console = wanted_console(read)
    return Logger(origin)


def _write(  # noqa: C901 - one straight path: each call in it would cost all callers
    logger: Logger, level: int, event: str, args: tuple[Any, ...], fields: dict[str, Any], frame: FrameType
) -> None:
    """Keep a record; the common case here: a known line of code, plain values."""
    origin = logger._origin  # noqa: SLF001 - a function, as a method would have to be looked up
    try:
        spool = origin.spool
        table = spool.table
        code, place = frame.f_code, frame.f_lasti
        entry, text = table.get((event, code, place, level, origin)), None
        if entry is None:
            entry, text = table.lines[code, place, level, origin], event  # the text varies: it travels itself
        if not (args or sources or origin.console or type(event) is not str):
            harmless = origin.harmless
            for name, value in fields.items():
                if name not in harmless or type(value) not in PLAIN:
                    break
            else:
                own = logger._bound  # noqa: SLF001 - as above
                around = bound.get()
                if own is not None:
                    fields = {**own, **fields} if around is None else {**around, **own, **fields}
                elif around is not None:
                    fields = {**around, **fields}
                if (ident := get_ident()) == origin.main:
                    payload = origin.pack((entry[0], time_ns(), text, fields))
                else:
                    thread = table.threads[ident, current_thread().name]
                    payload = origin.pack((entry[0], time_ns(), text, fields, {"h": thread}))
                if len(payload) <= origin.limit and spool.append(payload, table):
                    return
    except Exception:  # noqa: BLE001, S110 - a new call site, or a value that msgpack refuses
        pass
    if not origin.disabled:
        _write_slowly(logger, level, event, args, fields, frame)


def _write_slowly(
    logger: Logger, level: int, event: Any, args: tuple[Any, ...], fields: dict[str, Any], frame: FrameType
) -> None:
    """Keep a record of any kind."""
    origin = logger._origin  # noqa: SLF001 - as above
    client = origin.client
    assert client is not None
    when = time_ns()
    try:
        more: dict[str, Any] = {}
        text, template, travelling = _event_text(event, args)
        error, stack = fields.pop("exc_info", None), fields.pop("stack_info", None)
        own = {**(logger._bound or {}), **fields}  # noqa: SLF001 - as above
        kept = client.writer.fields_of(own.items(), more)
        if error:
            client.writer.exception_of(sys.exc_info() if error is True else error, more)
        if stack:
            client.writer.stack_of(_stack_text(frame), more)
        style = wire.STYLE_EVENT if travelling is None else wire.STYLE_PERCENT
        site = _site(origin, level, template, frame, style)
        draft = Draft(site, when, travelling, kept, more or None, text)
        line = (frame.f_code, frame.f_lasti, level, origin)
        client.writer.write(draft, None if args else Shortcut((event, *line), line))
        if origin.console is not None:
            origin.console.show(when, site, text, kept, more)
    except Exception:  # noqa: BLE001 - nothing that is logged may hurt who logs it
        client.spool.drop("unencodable")


def _site(origin: Origin, level: int, template: str | None, frame: FrameType, style: int) -> Site:
    code = frame.f_code
    return Site(
        template=template,
        line=frame.f_lineno,
        level=level,
        logger=origin.name,
        file=code.co_filename,
        place=origin.place,
        severity=severity_of(level),
        level_name=_NAMES.get(level, f"level {level}"),
        function=code.co_name,
        style=style,
    )


def _event_text(event: Any, args: tuple[Any, ...]) -> tuple[str, str | None, list[Any] | None]:
    """Return the finished message, the template where the text is one, and the arguments that go into it."""
    degrader = Degrader(redactor)
    exact = type(event) is str and len(event) <= MAX_TEMPLATE and degrader.text(event) is event
    if not args:
        return degrader.text(safe_text(event)), event if exact else None, None
    try:
        text = degrader.text(safe_text(event) % args)
    except Exception:  # noqa: BLE001 - a wrong format, or an argument that raises
        return f"{degrader.represent(event)} {degrader.represent(args)}", None, None
    travels = exact and all(map(is_exact, args)) and not degrader.degraded
    return (text, event, list(args)) if travels else (text, None, None)


def _stack_text(frame: FrameType) -> str:
    import traceback  # noqa: PLC0415 - only when a stack is asked for

    return "Stack (most recent call last):\n" + "".join(traceback.format_stack(frame)).rstrip("\n")
