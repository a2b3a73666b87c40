"""How found logs are written: pretty for people, JSON lines or CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from pylogtap.cli.pretty import Pretty
from pylogtap.cli.screen import open_screen

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = (
    "time", "level", "project", "service", "instance", "logger", "message", "attributes", "exception",
    "trace_id", "id",
)  # fmt: skip


class LogWriter(Protocol):
    """Writes logs, one after the other."""

    def write(self, log: dict[str, Any]) -> None:
        """Write one log of the API."""
        ...


class JsonWriter:
    """Writes each log as the API shows it, one object a line."""

    def __init__(self, stream: TextIO) -> None:
        """
        Bind a stream.

        Args:
            stream: Where lines go.
        """
        self._stream = stream

    def write(self, log: dict[str, Any]) -> None:
        """Write one log."""
        self._stream.write(_escaped(json.dumps(log, ensure_ascii=False)) + "\n")


def _escaped(document: str) -> str:
    """Write what JSON leaves as it is, but a terminal obeys or hides (DEL, C1, bidi), as escapes of JSON."""
    if document.isprintable():
        return document
    return "".join(each if each.isprintable() else _escape(each) for each in document)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


class CsvWriter:
    """Writes COLUMNS as RFC 4180 describes; attributes are JSON, an exception is its stack."""

    def __init__(self, stream: TextIO) -> None:
        """
        Write the header line.

        Args:
            stream: Where lines go.
        """
        self._rows = csv.writer(stream)
        self._rows.writerow(COLUMNS)

    def write(self, log: dict[str, Any]) -> None:
        """Write one log."""
        exception = log.get("exception") or {}
        special = {
            "attributes": json.dumps(log.get("attributes", {}), ensure_ascii=False),
            "exception": exception.get("stacktrace", ""),
        }
        self._rows.writerow([special.get(name, log.get(name)) for name in COLUMNS])


def open_writer(form: str, stream: TextIO | None = None) -> LogWriter:
    """
    Return the writer of a format.

    Args:
        form: One of options.FORMATS.
        stream: Where to write; default: standard output.
    """
    stream = stream or sys.stdout
    screen = open_screen(stream)
    if form == "pretty":
        return Pretty(screen)
    makers: dict[str, Callable[[TextIO], LogWriter]] = {"json": JsonWriter, "csv": CsvWriter}
    return makers[form](stream)
