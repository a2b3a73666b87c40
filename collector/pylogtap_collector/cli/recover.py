"""`pylogtap recover`: put back what can be read of a damaged database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Callable


@click.command(
    cls=ExampleCommand,
    short_help="Put back what can be read of a damaged database.",
    examples=(
        "pylogtap recover",
        "pylogtap recover --data /var/lib/pylogtap",
        "pylogtap recover broken.db --data /var/lib/pylogtap",
    ),
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The data folder; default: the user's.",
)
def recover(file: Path | None, data: Path | None) -> None:
    """
    Put back what can be read of FILE, a damaged database, into the one of a data folder.

    Without FILE it takes those that the collector has set aside there, pylogtap.db.damaged-TIME. No collector
    may run on the folder. FILE stays as it is; nothing comes twice, however often this is called.
    """
    from pylogtap_collector.cli.listening import read_settings
    from pylogtap_collector.errors import DataUnusable
    from pylogtap_collector.services import damage

    settings = read_settings(data=data)
    if file is None and not settings.data.is_dir():
        raise Failed(f"there is no folder {settings.data}; say where the collector's data is: --data DIR")
    files = [file] if file is not None else damage.waiting(settings.data)
    if not files:
        click.echo(f"there is no damaged database in {settings.data} that was not put back already")
    for each in files:
        try:
            found = damage.put_back(each, settings.data, tell=_progress())
        except DataUnusable as error:
            raise Failed(error.detail) from error
        except OSError as error:
            raise click.FileError(str(settings.data), error.strerror) from error
        click.echo(f"{each}: {found.back:,} records are back, {found.known:,} were there already")
        click.echo(f"lost: {found.lost:,} records, and those of which nothing is left that tells of them")


def _progress() -> Callable[[int], None]:
    """Return what shows people at a terminal how far it has come."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda back: click.echo(f"\r{back:,} records", nl=False, err=True)
