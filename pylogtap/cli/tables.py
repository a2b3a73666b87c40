"""Logs as rows of a table: which columns, of which kind, and who writes them to a file."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TextIO

from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FORMATS = "pylogtap.formats"  # group of entry points under which other distributions write tables
BATCH = 2_000  # rows in memory at once


class Column(NamedTuple):
    """
    A column.

    Attributes:
        name: Its name.
        kind: `text`, `integer`, `time` (a point in time, microseconds) or `json` (a text that holds JSON).
    """

    name: str
    kind: str


COLUMNS = tuple(
    Column(name, kind)
    for kind, names in (
        ("time", ("time",)),
        ("text", ("level", "project", "service", "instance", "logger", "message")),
        ("json", ("attributes",)),
        ("text", ("exception_type", "exception_message", "stacktrace")),
        ("json", ("arguments",)),
        ("text", ("trace_id", "span_id", "test_id", "template")),
        ("integer", ("pattern_id", "severity_number")),
        ("text", ("file",)),
        ("integer", ("line",)),
        ("text", ("function",)),
        ("integer", ("pid",)),
        ("text", ("thread",)),
        ("time", ("received",)),
        ("json", ("labels",)),
        ("text", ("note",)),
        ("integer", ("id",)),
    )
    for name in names
)


class Rows(Protocol):
    """Writes rows to a file of some format."""

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """
        Write rows.

        Args:
            rows: A value for each of COLUMNS: None, text, a whole number, or a datetime.
        """
        ...

    def close(self) -> None:
        """End the file."""
        ...


class CsvRows:
    """Writes rows as RFC 4180 describes; what is missing is empty, and nothing is altered."""

    def __init__(self, stream: TextIO) -> None:
        """
        Write the header line.

        Args:
            stream: Where lines go.
        """
        self._rows = csv.writer(stream)
        self._rows.writerow([column.name for column in COLUMNS])

    def write(self, rows: Sequence[Sequence[Any]]) -> None:
        """Write rows."""
        self._rows.writerows([list(map(_text_of, row)) for row in rows])

    def close(self) -> None:
        """Do nothing: there is no end to write."""


def _text_of(value: Any) -> Any:
    return time_text(value) if isinstance(value, datetime) else value


def time_text(when: datetime) -> str:
    """Return a time as text that sorts as times do: always with six digits behind the second, in UTC."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


class Table:
    """Takes logs, one after the other, and hands them on as rows."""

    def __init__(self, rows: Rows) -> None:
        """
        Bind what writes rows.

        Args:
            rows: It.
        """
        self._rows = rows
        self._held: list[tuple[Any, ...]] = []

    def write(self, log: dict[str, Any]) -> None:
        """Write one log of the API."""
        self._held.append(row_of(log))
        if len(self._held) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand on what is held."""
        self._rows.write(self._held)
        self._held = []


@contextmanager
def table(rows: Rows) -> Iterator[Table]:
    """
    Yield a table, whose last rows are written and whose file is ended behind it.

    Args:
        rows: Writes rows.
    """
    try:
        written = Table(rows)
        yield written
        written.flush()
    finally:
        rows.close()


def row_of(log: dict[str, Any]) -> tuple[Any, ...]:
    """
    Return the values of COLUMNS.

    Args:
        log: As the API shows it.
    """
    exception, source, process = log["exception"] or {}, log["source"], log["process"]
    flat = {
        **log,
        **source,
        **process,
        "exception_type": exception.get("type"),
        "exception_message": exception.get("message"),
        "stacktrace": exception.get("stacktrace"),
        "arguments": exception.get("arguments"),
    }
    return tuple(_value(flat[column.name], column.kind) for column in COLUMNS)


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    return datetime.fromisoformat(value) if kind == "time" else value


def open_rows(form: str, path: Path) -> Rows:
    """
    Return what writes rows to a file.

    Args:
        form: `sqlite` or `parquet`.
        path: A file that is not there.

    Raises:
        Failed: What it takes is not installed.
    """
    if form == "parquet":
        from pylogtap.cli.parquet import ParquetRows

        return ParquetRows(path, COLUMNS)
    from importlib.metadata import entry_points

    for point in entry_points(group=FORMATS, name=form):
        rows: Rows = point.load()(path, COLUMNS)
        return rows
    raise Failed(
        f"`--format {form}` needs the collector's package, which is not installed here",
        remedies=("pip install 'pylogtap[collector]'",),
    )
