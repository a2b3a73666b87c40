"""`pylogtap serve`: start the collector."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from pylogtap_collector.daemon import Served
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
@click.option(
    "--docker",
    metavar="ADDRESS",
    help="Container engine to follow: auto (default), off, or its address, unix:///… or tcp://….",
)
@click.option(
    "--forward-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Take Fluent Forward on this port as well, usually 24224. Default: not opened.",
)
@click.option(
    "--lines-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Take syslog, GELF and JSON lines on this port as well, TCP and UDP. Default: not opened.",
)
@click.option("--memory", is_flag=True, default=None, help="Keep everything in memory, nothing on disk.")
def serve(**given: Any) -> None:
    """
    Start the collector, and serve until Ctrl-C or SIGTERM.

    It stores what clients deliver, answers searches, and shows the page. What is not given here comes from
    PYLOGTAP_COLLECTOR_DATA, PYLOGTAP_COLLECTOR_HOST and so on.
    """
    gc.disable()  # what is loaded stays; the daemon lets it look again
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # of others: they hook into each model
    from pylogtap_collector.cli.listening import explain, guards, log_to_stderr, read_settings

    settings = read_settings(**given)
    from pylogtap_collector import daemon  # the rest of the collector: not loaded for wrong options
    from pylogtap_collector.errors import DataUnusable, PortUnusable, Unguarded

    log_to_stderr()
    try:
        daemon.run(settings, started=lambda served: _announce(served, settings))
    except (DataUnusable, PortUnusable) as error:
        raise Failed(error.detail) from error
    except Unguarded as error:
        raise Failed(error.detail, remedies=guards(settings)) from error
    except OSError as error:
        raise explain(error, settings) from error


def _announce(served: Served, settings: Settings) -> None:
    from pylogtap_collector.cli.listening import DEFAULT_URL, address_for_people

    page, code, host = address_for_people(served.url), served.directory.code, settings.tap_host
    click.echo(f"pylogtap collector at {served.url}")
    click.echo(f"  page  {page}/")
    click.echo(f"  API   {page}/docs")
    click.echo(f"  data  {'in memory, gone at the end' if settings.memory else settings.database}")
    if served.ports.forward_port is not None:
        click.echo(f"  taps  Fluent Forward on {host}:{served.ports.forward_port}")
    if served.ports.lines_port is not None:
        click.echo(f"  taps  syslog, GELF, JSON lines on {host}:{served.ports.lines_port}, TCP and UDP")
    if code is not None:
        other = "" if page == DEFAULT_URL else f" --url {page}"
        click.echo(
            f"  code  {code}  makes the first account: {page}/sign-in, "
            f"or pylogtap user add NAME --code {code}{other}"
        )
