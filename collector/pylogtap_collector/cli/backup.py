"""`pylogtap backup` and `pylogtap restore`: copies of the whole database, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.options import collector_options

if TYPE_CHECKING:
    from pylogtap_collector.storage.checking import Copied

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    cls=ExampleCommand,
    short_help="Copy the whole database to a file.",
    examples=("pylogtap backup monday.db", "pylogtap backup monday.db --data /var/lib/pylogtap"),
)
@click.argument("file", type=FILE)
@click.option(
    "--data", type=FOLDER, metavar="DIR", help="Copy the database in there, by no collector's help."
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@collector_options
def backup(file: Path, data: Path | None, force: bool, **collector: Any) -> None:
    """
    Copy the whole database to FILE, and check the copy.

    It asks the collector, of this machine or another, which goes on meanwhile; with --data it takes the
    database from a folder, whether a collector uses it or not. FILE appears when it is complete and sound.
    """
    from pylogtap.cli.files import refuse_existing
    from pylogtap_collector.errors import DataUnusable

    if data is not None and collector["url"] is not None:
        raise WrongUsage("give --data or --url, not both")
    refuse_existing(file, force=force)
    try:
        copied = _from_collector(file, **collector) if data is None else _from_folder(data, file)
    except DataUnusable as error:
        raise Failed(error.detail) from error
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error
    click.echo(f"{file}: {copied.records:,} records, {copied.bytes:,} bytes, checked")
    click.echo(f"sha256 {copied.sha256}")


def _from_folder(data: Path, file: Path) -> Copied:
    from pylogtap_collector.services.backup import back_up_folder

    return back_up_folder(data, file)


def _from_collector(file: Path, **collector: Any) -> Copied:
    from pylogtap.cli.api import NEEDS_ADMIN, Api
    from pylogtap.cli.files import appearing, fetch
    from pylogtap.settings import load
    from pylogtap_collector.services.backup import check_file

    settings = load(**collector)
    with appearing(file) as part:
        fetch(Api(settings.url, settings.key, needs_key=NEEDS_ADMIN), "/api/v1/backup", {}, part)
        return check_file(part)


@click.command(
    cls=ExampleCommand,
    short_help="Put a backup in the place of a database.",
    examples=("pylogtap restore monday.db --data /var/lib/pylogtap",),
)
@click.argument("file", type=FILE)
@click.option("--data", type=FOLDER, metavar="DIR", help="The data folder; default: the user's.")
def restore(file: Path, data: Path | None) -> None:
    """
    Put a backup in the place of the database in a data folder.

    No collector may run on it. FILE is checked first, and every record in it is read. The database that was
    there before is kept beside it, as pylogtap.db.before-restore-TIME.
    """
    from pylogtap_collector.cli.listening import read_settings
    from pylogtap_collector.errors import DataUnusable
    from pylogtap_collector.services.backup import restore as put_back

    settings = read_settings(data=data)
    try:
        records, before = put_back(file, settings.data, tell=lambda text: click.echo(f"{text} …", err=True))
    except DataUnusable as error:
        raise Failed(error.detail) from error
    except OSError as error:
        raise click.FileError(str(settings.data), error.strerror) from error
    click.echo(f"{records:,} records restored to {settings.database}")
    if before is not None:
        click.echo(f"what was there before: {before}")
