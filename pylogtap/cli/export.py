"""`pylogtap export`: write all records that a query finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import QueryCommand
from pylogtap.cli.errors import WrongUsage
from pylogtap.cli.options import collector_options, range_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.cli.api import Api

FORMATS = ("json", "csv", "pretty", "sqlite", "parquet", "incident")
_FILES = FORMATS[3:]  # formats that are no text


@click.command(
    cls=QueryCommand,
    short_help="Write all records that a query finds.",
    examples=(
        "pylogtap export project:shop --since 2d --format csv --output shop.csv.gz",
        "pylogtap export trace:4bf92f3577b34da6a3ce929d0e0e4736 --format incident --output incident.db",
    ),
)
@click.argument("query", nargs=-1)
@range_options
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="json: one object a line; csv: RFC 4180, with a header line; pretty: for people; sqlite: a table"
    " `log` for any SQLite tool; parquet: for data frames, needs pylogtap[parquet]; incident: a small file"
    " for `pylogtap open`, with labels and notes.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write there instead of to standard output; text is compressed where the name ends in .gz.",
)
@collector_options
def export(
    query: tuple[str, ...], since: str | None, until: str | None, form: str, output: Path | None,
    **collector: Any,
) -> None:  # fmt: skip
    """
    Write all records that a query finds, oldest first.

    FILE appears when it is complete: an export that fails leaves nothing that looks like one.
    """
    from pylogtap.cli.api import Api
    from pylogtap.settings import load

    settings = load(**collector)
    api, asked = Api(settings.url, settings.key), {"q": " ".join(query), "since": since, "until": until}
    if form in _FILES:
        count = _write_file(form, _file_of(form, output), api, asked)
    else:
        count = _write_text(form, output, api, asked)
    if output is not None:
        click.echo(f"{count:,} records in {output}", err=True)


def _file_of(form: str, output: Path | None) -> Path:
    if output is None or output.suffix == ".gz":
        raise WrongUsage(f"`--format {form}` makes a file that is no text; say which by --output FILE")
    return output


def _write_text(form: str, output: Path | None, api: Api, asked: dict[str, str | None]) -> int:
    from pylogtap.cli.files import opened

    with opened(output) as stream:
        if form == "json":  # as it comes: nothing is lost by reading and writing numbers

            def write(line: bytes) -> None:
                stream.write(line.decode() + "\n")

            return _each(api, asked, write)
        if form == "csv":
            from pylogtap.cli.tables import CsvRows, table

            with table(CsvRows(stream)) as rows:
                return _each(api, asked, lambda line: rows.write(json.loads(line)))
        from pylogtap.cli.formats import open_writer

        writer = open_writer(form, stream)
        return _each(api, asked, lambda line: writer.write(json.loads(line)))


def _write_file(form: str, output: Path, api: Api, asked: dict[str, str | None]) -> int:
    from pylogtap.cli.files import appearing, fetch

    with appearing(output) as part:
        part.unlink(missing_ok=True)  # of an export that was killed
        if form == "incident":
            return fetch(api, "/api/v1/logs/incident", asked, part)[0]
        from pylogtap.cli.tables import open_rows, table

        with table(open_rows(form, part)) as rows:
            return _each(api, asked, lambda line: rows.write(json.loads(line)))


def _each(api: Api, asked: dict[str, str | None], write: Callable[[bytes], None]) -> int:
    """Hand on each record as a line of JSON, and return how many there were."""
    count = 0
    with api.pieces("/api/v1/logs/export", {**asked, "format": "jsonl", "order": "asc"}) as answer:
        for line in answer.lines():
            write(line)
            count += 1
    return count
