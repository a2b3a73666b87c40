"""`pylogtap demo`: a collector and three services that log to it."""

from __future__ import annotations

import asyncio
import errno
import shlex
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.settings import Settings

DEFAULT_PORT = 8270


@click.command(
    cls=ExampleCommand,
    short_help="Try it: a collector and three services that log.",
    examples=("pylogtap demo", "pylogtap demo --data ./demo --port 9000"),
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the page; default: 8270, or a free one.")
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Keep the database there; default: a folder that is removed at the end.",
)  # fmt: skip
@click.option(
    "--orders", type=click.FloatRange(0.1, 100), default=3.0, show_default=True, metavar="N",
    help="Orders a second that the shop gets.",
)  # fmt: skip
def demo(port: int | None, data: Path | None, orders: float) -> None:
    """
    Run a collector and a small shop of three services, until Ctrl-C.

    The services are separate processes; they log through the standard library, structlog and pylogtap's own
    logger. Nothing but the database is written.
    """
    from pylogtap_collector.cli.listening import read_settings
    from pylogtap_collector.errors import DataUnusable

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pylogtap-demo-")))
        settings = read_settings(
            data=data or folder, host="127.0.0.1", port=DEFAULT_PORT if port is None else port,
            spool_dir=folder / "spool", docker="off", host_metrics=False,
        )  # fmt: skip
        try:
            asyncio.run(_run(settings, orders, may_move=port is None, kept=data is not None))
        except DataUnusable as error:
            raise Failed(error.detail) from error
        except RuntimeError as error:
            raise Failed(str(error)) from error


async def _run(settings: Settings, orders: float, *, may_move: bool, kept: bool) -> None:
    from pylogtap_collector.cli.listening import explain

    try:
        await _serve(settings, orders, kept=kept)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or not may_move:
            raise explain(error, settings) from error
        await _serve(settings.model_copy(update={"port": 0}), orders, kept=kept)


async def _serve(settings: Settings, orders: float, *, kept: bool) -> None:
    from pylogtap_collector.daemon import served
    from pylogtap_collector.demo.shop import Shop

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with served(settings) as running:
        url, key = running.url, running.directory.own_key
        shop = Shop(_environment(url, key, settings), lambda text: click.echo(text, err=True))
        try:
            await shop.open()
            _announce(url, settings, running.directory.code, kept=kept)
            customers = asyncio.create_task(shop.receive_customers(orders))
            await stop.wait()
            customers.cancel()
            with suppress(asyncio.CancelledError):
                await customers
            click.echo("\nstopping …")
        finally:
            await shop.close()
    click.echo(f"stopped; the records are in {settings.database}" if kept else "stopped")


def _environment(url: str, key: str, settings: Settings) -> Mapping[str, str]:
    return {
        "PYLOGTAP_URL": url,
        "PYLOGTAP_SPOOL_DIR": str(settings.spool_dir),
        "PYLOGTAP_CONSOLE": "off",
        "PYLOGTAP_KEY": key,  # the database may be one with accounts
    }


def _announce(url: str, settings: Settings, code: str | None, *, kept: bool) -> None:
    program = _program()
    other = "" if url.endswith(f":{DEFAULT_PORT}") else f" --url {url}"
    place = settings.database if kept else f"{settings.database} (removed at the end)"
    click.echo(
        f"{click.style('pylogtap demo', bold=True)}: a collector, and a shop of three services that log to it"
    )
    click.echo()
    click.echo(f"  page      {click.style(f'{url}/', fg='cyan', underline=True)}")
    click.echo(f"  API       {url}/docs")
    click.echo(f"  database  {place}")
    if code is not None:
        click.echo(f"  code      {code}  makes the first account: {url}/sign-in")
    click.echo()
    click.echo("  shop/checkout   logs by the standard library's logging")
    click.echo("  shop/payments   logs by structlog")
    click.echo("  shop/inventory  logs by pylogtap's own logger")
    click.echo()
    click.echo("In another terminal:")
    click.echo(f"  {program} tail{other} 'level:>=warning'")
    click.echo(f"  {program} query{other} 'service:payments has:exception' --since 10m")
    click.echo()
    click.echo("Ctrl-C ends it.")


def _program() -> str:
    """Return how this command can be called again from the same folder."""
    called = Path(sys.argv[0])
    found = shutil.which("pylogtap")
    if found is not None and Path(found).resolve() == called.resolve():
        return "pylogtap"
    with suppress(ValueError):
        called = called.resolve().relative_to(Path.cwd())
    return shlex.quote(str(called))
