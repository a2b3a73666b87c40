"""`pylogtap pipe`: keep the lines that come in on standard input."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.options import collector_options

if TYPE_CHECKING:
    from pylogtap.cli.keeping import Keeper, Output

_CHUNK = 64 << 10
_LAST_WORDS_S = 1.0  # after Ctrl-C the program before us may still say goodbye


@click.command(
    cls=ExampleCommand,
    short_help="Keep the lines that come in on standard input.",
    examples=(
        "docker compose logs -f --no-color | pylogtap pipe --project shop",
        "pylogtap pipe --prefix shop/proxy/nginx-1 --quiet < /var/log/nginx/access.log",
    ),
)
@click.option(
    "--prefix", metavar="P/S/I", help="Place of lines that do not say theirs; default: PYLOGTAP_PREFIX."
)
@click.option("--project", metavar="P", help="Project of the services that a runner names in front of lines.")
@click.option("--quiet", is_flag=True, help="Do not pass the lines on to standard output.")
@collector_options
def pipe(prefix: str | None, project: str | None, quiet: bool, **collector: Any) -> int:
    """
    Keep the lines of standard input, and pass them on to standard output.

    Prefixes in front of lines (`[p/s/i]`, docker compose, Procfile runners, kubectl), times, levels, JSON,
    logfmt and tracebacks are understood; see docs/reference/line-formats.md. The collector need not be there:
    what it does not get is kept, and delivered later.
    """
    from pylogtap.cli.keeping import Keeper, Output
    from pylogtap.prefix import find_prefix
    from pylogtap.settings import load

    environment = {"PYLOGTAP_SERVICE": "pipe", **os.environ}
    if project:
        environment["PYLOGTAP_PROJECT"] = project
    settings = load(prefix=prefix, **collector)
    keeper = Keeper(settings)
    output = Output(keeper, find_prefix(settings.prefix, environment), project)
    interrupted = _copy(keeper, output, quiet=quiet)
    output.end()
    arrives = keeper.finish(tell=sys.stderr.isatty() or quiet)
    if interrupted:
        raise KeyboardInterrupt
    return 0 if arrives else 1


def _copy(keeper: Keeper, output: Output, *, quiet: bool) -> bool:
    """Read until the end, and tell whether Ctrl-C made it."""
    from pylogtap.cli.keeping import IDLE_S

    wait_s, interrupted = IDLE_S, False
    source, target = sys.stdin.fileno(), sys.stdout.buffer
    while True:
        try:
            if not select.select([source], [], [], wait_s)[0]:
                if interrupted:
                    return True
                output.pause()
                continue
            chunk = os.read(source, _CHUNK)
            if not chunk:
                return interrupted
            output.take(chunk)
            if not quiet:
                target.write(chunk)
                target.flush()
            keeper.make_room()
        except KeyboardInterrupt:
            if interrupted:
                raise
            interrupted, wait_s = True, _LAST_WORDS_S
        except BrokenPipeError:  # whoever read our output has seen enough, as `head`
            output.end()
            keeper.finish(tell=False)
            raise
