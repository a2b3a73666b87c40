"""`pylogtap export`: write all records that a query finds."""

from __future__ import annotations

import gzip
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

import click

from pylogtap.cli.command import QueryCommand
from pylogtap.cli.options import collector_options, format_option, range_options

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command(
    cls=QueryCommand,
    short_help="Write all records that a query finds.",
    examples=("pylogtap export project:shop --since 2d --format csv --output shop.csv.gz",),
)
@click.argument("query", nargs=-1)
@range_options
@format_option("json")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write there instead of to standard output; compressed where the name ends in .gz.",
)  # fmt: skip
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
    from pylogtap.cli.formats import open_writer
    from pylogtap.cli.query import pages
    from pylogtap.settings import load

    settings = load(**collector)
    count = 0
    with _opened(output) as stream:
        writer = open_writer(form, stream)
        for log in pages(
            Api(settings.url, settings.key), " ".join(query), order="asc", since=since, until=until
        ):
            writer.write(log)
            count += 1
    if output is not None:
        click.echo(f"{count:,} records in {output}", err=True)


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    part = output.with_name(output.name + ".part")
    compressed = output.suffix == ".gz"
    opener: Any = gzip.open if compressed else open
    try:
        with cast("IO[str]", opener(part, "wt", encoding="utf-8", newline="")) as stream:
            yield cast("TextIO", stream)
        part.replace(output)
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error
    finally:
        part.unlink(missing_ok=True)
