"""`pylogtap compact`: make the database smaller."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.options import collector_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.models import Compaction

SILENCE_S = 600.0  # one step takes seconds; another errand of the collector may come first


@click.command(
    cls=ExampleCommand,
    short_help="Make the database smaller.",
    examples=("pylogtap compact", "pylogtap compact --data /var/lib/pylogtap"),
)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Work on the database in there; no collector may run on it.",
)  # fmt: skip
@collector_options
def compact(data: Path | None, **collector: Any) -> None:
    """
    Pack old records tighter, and give the room to the disk.

    It asks the collector, which goes on meanwhile; with --data it works on a folder that no collector uses.
    Whatever ends it, the database stays sound; the next run goes on where this one was.
    """
    from pylogtap_collector.errors import DataUnusable

    if data is not None and collector["url"] is not None:
        raise WrongUsage("give --data or --url, not both")
    try:
        last = _by_collector(**collector) if data is None else asyncio.run(_in_folder(data))
    except DataUnusable as error:
        raise Failed(error.detail) from error
    if last is None or not last.done:
        raise Failed("the collector ended before it was done; run it again to go on")
    click.echo(f"blocks    {last.blocks_before:,} → {last.blocks:,}")
    click.echo(f"records   {last.block_bytes_before:,} → {last.block_bytes:,} bytes")
    click.echo(f"database  {last.file_bytes_before:,} → {last.file_bytes:,} bytes")


def _by_collector(**collector: Any) -> Compaction | None:
    from pylogtap.cli.api import NEEDS_ADMIN, Api
    from pylogtap.settings import load
    from pylogtap_collector.models import Compaction

    settings = load(**collector)
    last, show = None, _progress()
    api = Api(settings.url, settings.key, needs_key=NEEDS_ADMIN)
    with api.pieces("/api/v1/compact", {}, method="POST", silence_s=SILENCE_S) as answer:
        for line in answer.lines():
            last = Compaction.model_validate_json(line)
            show(last)
    return last


async def _in_folder(data: Path) -> Compaction | None:
    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.cli.listening import read_settings
    from pylogtap_collector.errors import DataUnusable

    settings = read_settings(data=data, adopt=False)
    if not settings.database.exists():
        raise DataUnusable(f"there is no database in {data}; give the collector's data folder by --data")
    last, show = None, _progress()
    async with Collector(settings).running() as services:
        async for step in services.compactor.run():
            last = step
            show(step)
    return last


def _progress() -> Callable[[Compaction], None]:
    """Return what shows people at a terminal how far it has come."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(step: Compaction) -> None:
        text = f"\r{step.blocks:,} blocks, {step.block_bytes:,} bytes"
        click.echo(text + ("\n" if step.done else ""), nl=False, err=True)

    return show
