"""`pylogtap serve`: start the collector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from pylogtap_collector.settings import Settings


@click.command(
    cls=ExampleCommand,
    short_help="Start the collector.",
    examples=(
        "pylogtap serve",
        "pylogtap serve --data /var/lib/pylogtap --port 8270",
        "pylogtap serve --host 0.0.0.0 --tls-certificate fullchain.pem --tls-key privkey.pem",
    ),
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the database; made when it is missing. Default: the user's data folder.",
)
@click.option(
    "--host", metavar="ADDRESS",
    help="Address to listen on; default: 127.0.0.1. Beyond loopback it needs an account or a key.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; default: 8270. 0: any free one."
)
@click.option(
    "--tls-certificate",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="PEM file of the certificate and its chain; with it, the collector speaks HTTPS.",
)
@click.option(
    "--tls-key",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="PEM file of the certificate's private key; default: it is in the certificate's file.",
)
@click.option("--memory", is_flag=True, default=None, help="Keep everything in memory, nothing on disk.")
def serve(
    data: Path | None,
    host: str | None,
    port: int | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    memory: bool | None,
) -> None:
    """
    Start the collector, and serve until Ctrl-C or SIGTERM.

    It stores what clients deliver, answers searches, and shows the page. What is not given here comes from
    PYLOGTAP_COLLECTOR_DATA, PYLOGTAP_COLLECTOR_HOST and so on.
    """
    from pylogtap_collector.cli.listening import explain, guards, log_to_stderr, read_settings

    settings = read_settings(
        data=data,
        host=host,
        port=port,
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        memory=memory,
    )
    from pylogtap_collector import daemon  # the rest of the collector: not loaded for wrong options
    from pylogtap_collector.errors import DataUnusable, Unguarded

    log_to_stderr()
    try:
        daemon.run(settings, started=lambda url, code: _announce(url, settings, code))
    except DataUnusable as error:
        raise Failed(error.detail) from error
    except Unguarded as error:
        raise Failed(error.detail, remedies=guards(settings)) from error
    except OSError as error:
        raise explain(error, settings) from error


def _announce(url: str, settings: Settings, code: str | None) -> None:
    from pylogtap_collector.cli.listening import DEFAULT_URL, address_for_people

    page = address_for_people(url)
    click.echo(f"pylogtap collector at {url}")
    click.echo(f"  page  {page}/")
    click.echo(f"  API   {page}/docs")
    click.echo(f"  data  {'in memory, gone at the end' if settings.memory else settings.database}")
    if code is not None:
        other = "" if page == DEFAULT_URL else f" --url {page}"
        click.echo(
            f"  code  {code}  makes the first account: {page}/sign-in, "
            f"or pylogtap user add NAME --code {code}{other}"
        )
