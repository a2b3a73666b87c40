"""`pylogtap verify`: what is promised, tried on the user's own machine."""

from __future__ import annotations

import random
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from pylogtap_collector.proofs.ground import Extent

_SEEDS = 10**6


@click.command(
    cls=ExampleCommand,
    short_help="Try on this machine what is promised.",
    examples=(
        "pylogtap verify",
        "pylogtap verify --long --format markdown > promises.md",
        "pylogtap verify --only application-killed --only collector-killed --seed 42",
    ),
)
@click.option(
    "--long", "extent", flag_value="long", help="Some ten minutes instead of one: far more of everything."
)
@click.option(
    "--quick", "extent", flag_value="quick",
    help="Some seconds: whether it runs at all; times are measured, and not judged.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of what is left to chance; default: any.")
@click.option("--only", "only", multiple=True, metavar="KEY", help="This promise alone; may be given again.")
@click.option(
    "--format", "form", type=click.Choice(("text", "json", "markdown")), default="text", show_default=True,
    help="text: for people; json: one object a line for each promise; markdown: a table.",
)  # fmt: skip
def verify(extent: str | None, seed: int | None, only: tuple[str, ...], form: str) -> int:
    """
    Kill applications and collectors, break connections, damage files, and compare what arrived.

    Real programs log to a real collector, all in a folder for temporary files that is removed at the end
    (TMPDIR says where); your collector, your spool and your settings are not touched. Each line shows what
    was promised, and what was seen. With the same --seed the same moments are chosen; the scheduler's share
    in it remains.

    The exit code is 1 where one promise was not kept.
    """
    from pylogtap_collector.cli.verdicts import open_report
    from pylogtap_collector.proofs.essential import KEYS, run_proofs
    from pylogtap_collector.proofs.ground import Ground, own_settings

    if unknown := [key for key in only if key not in KEYS]:
        raise WrongUsage(f"there is no proof of {', '.join(unknown)} here; there is one of {', '.join(KEYS)}")
    seed = random.SystemRandom().randrange(_SEEDS) if seed is None else seed
    wanted = [key for key in KEYS if key in only or not only]
    report, kept = open_report(form, seed, wanted), True
    began = time.monotonic()
    with (
        _ended_by_signals(),
        tempfile.TemporaryDirectory(prefix="pylogtap-verify-", ignore_cleanup_errors=True) as folder,
        own_settings(),
    ):
        for row in run_proofs(Ground(Path(folder), seed, _extent(extent)), wanted, report.begin):
            kept &= row.seen.kept
            with suppress(BrokenPipeError):  # whoever reads may have left: the exit code is for others
                report.write(row)
    with suppress(BrokenPipeError):
        report.close(time.monotonic() - began)
    return 0 if kept else 1


def _extent(name: str | None) -> Extent:
    from pylogtap_collector.proofs.ground import Extent

    return Extent[name.upper()] if name else Extent.USUAL


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM do what Ctrl-C does: all processes are ended, and the folder is removed."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
