"""Lines for people: what the process logs, readable on a terminal."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from pylogtap import wire
from pylogtap.context import fields_here, redactor
from pylogtap.redact import REDACTED
from pylogtap.values import PLAIN, Degrader, safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pylogtap.settings import Settings
    from pylogtap.writer import Site

_COLORS = ((50, "97;41"), (40, "31"), (30, "33"), (20, "32"), (0, "36"))  # Python level, SGR parameters
_DIM = "2"
_EXCEPTION_KEYS = ("exc_info", "exc_text", "stack_info")
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}


class LineFormatter(logging.Formatter):
    """One readable line a record: time, level, logger, message, fields; then the traceback."""

    def __init__(self, *, color: bool) -> None:
        """
        Choose a look.

        Args:
            color: Whether to colour, for a terminal.
        """
        super().__init__()
        self._color = color

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback under it."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a wrong format: show what there is, as the handler keeps it
            message = f"{safe_text(record.msg)} {Degrader(redactor).represent(record.args)}"
        extras = [
            (name, value)
            for name, value in record.__dict__.items()
            if name not in _STANDARD and name[:1] != "_"
        ]
        fields = [*fields_here().items(), *extras]
        line = self.line(record.created, record.levelno, record.levelname, record.name, message, fields)
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        return "\n".join(filter(None, (line, record.exc_text, record.stack_info)))

    def line(
        self,
        when_s: float,
        level: int,
        name: str,
        logger: str,
        message: str,
        fields: Iterable[tuple[str, Any]],
    ) -> str:
        """
        Return one line without a traceback.

        Args:
            when_s: Seconds since the epoch.
            level: Python level.
            name: The level's name.
            logger: The logger's name.
            message: The message.
            fields: Names and values.
        """
        clock = time.strftime("%H:%M:%S", time.localtime(when_s)) + f".{int(when_s * 1000) % 1000:03d}"
        color = next(color for least, color in _COLORS if level >= least)
        parts = [self._paint(clock, _DIM), self._paint(f"{name.upper():<8}", color)]
        if logger:
            parts.append(self._paint(logger, _DIM))
        parts.append(_visible(message))
        parts += [self._paint(f"{_visible(name)}=", _DIM) + _value(name, value) for name, value in fields]
        return " ".join(parts)

    def _paint(self, text: str, parameters: str) -> str:
        return f"\x1b[{parameters}m{text}\x1b[0m" if self._color else text


class Console:
    """Shows our own loggers' records on a stream."""

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        """
        Bind a stream.

        Args:
            stream: Where lines go.
            color: Whether to colour.
        """
        self._stream = stream
        self._formatter = LineFormatter(color=color)

    def show(
        self,
        when_ns: int,
        site: Site,
        message: str,
        fields: Mapping[str, Any] | None,
        more: Mapping[str, Any],
    ) -> None:
        """Print a record."""
        line = self._formatter.line(
            when_ns / 1e9, site.level, site.level_name, site.logger, message, (fields or {}).items()
        )
        stack = more.get(wire.MORE_EXCEPTION, {}).get("stacktrace") or more.get(wire.MORE_STACK)
        print(line if stack is None else f"{line}\n{stack}", file=self._stream)


def wanted_console(settings: Settings) -> Console | None:
    """Return a console where one is wanted: on a terminal, or when switched on."""
    if settings.console == "off" or (settings.console == "auto" and not sys.stderr.isatty()):
        return None
    return Console(sys.stderr, color=_may_color(sys.stderr))


def console_handler(settings: Settings, root: logging.Logger) -> logging.Handler | None:
    """
    Return the handler that shows the standard loggers' records, where nobody shows them yet.

    Off a terminal it keeps what Python does without any handler: warnings and worse go to stderr.
    """
    shown = any(isinstance(each, logging.StreamHandler) for each in root.handlers)
    if settings.console == "off" or shown:
        return None
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(color=_may_color(sys.stderr)))
    handler.addFilter(lambda record: not getattr(record, "pylogtap_printed", False))  # Python prints those
    if settings.console == "auto" and not sys.stderr.isatty():
        handler.setLevel(logging.WARNING)
    return handler


def _may_color(stream: TextIO) -> bool:
    """Tell whether to colour; https://no-color.org is respected."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _value(name: str, value: Any) -> str:
    if redactor.is_secret(name):
        return REDACTED
    plain = value if type(value) in PLAIN else Degrader(redactor).convert(value)
    text = plain if isinstance(plain, str) and plain and " " not in plain else safe_text(repr(plain))
    return _visible(text)


def _visible(text: str) -> str:
    """Show control characters instead of sending them on: no message can forge a second line."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
