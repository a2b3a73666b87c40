"""`pylogtap open`: look at a backup or an incident file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from pylogtap_collector.services.showing import Shown


@click.command(
    "open",
    cls=ExampleCommand,
    short_help="Look at a backup or an incident file.",
    examples=("pylogtap open incident.db", "pylogtap open monday.db --port 9000"),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True,
    help="Port of the page; 0: any free one.",
)  # fmt: skip
def open_file(file: Path, port: int) -> None:
    """
    Show a backup or an incident file on a page of this machine, until Ctrl-C.

    It is only read: FILE stays as it is, byte for byte, and nothing can be delivered or changed.
    """
    from pylogtap_collector.cli.listening import explain, read_settings

    settings = read_settings(data=file.parent, host="127.0.0.1", port=port, adopt=False)
    from pylogtap_collector import daemon
    from pylogtap_collector.errors import DataUnusable
    from pylogtap_collector.services.showing import showable

    try:
        with showable(file) as shown:
            daemon.run(settings, started=lambda served: _announce(served.url, file, shown), shown=shown.path)
    except DataUnusable as error:
        raise Failed(error.detail) from error
    except OSError as error:
        raise explain(error, settings) from error


def _announce(url: str, file: Path, shown: Shown) -> None:
    from pylogtap.cli.screen import visible

    about = shown.about
    click.echo(f"{file}: {shown.records:,} records, read only")
    if about:
        # whoever made the file wrote this: it must not steer a terminal
        bounds = "".join(f" --{name} {visible(about[name])}" for name in ("since", "until") if name in about)
        click.echo(f"  found by  {visible(about.get('query') or 'everything')}{bounds}")
        click.echo(f"  made      {visible(about.get('made', ''))}")
    click.echo(f"  page      {url}/?since=all")
    click.echo(f"  API       {url}/docs")
    click.echo("Ctrl-C ends it.")
