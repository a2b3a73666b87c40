"""`pylogtap pipe`: keep the lines that come in on standard input."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.options import collector_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pylogtap.cli.keeping import Keeper, Output
    from pylogtap.cli.standard import Target
    from pylogtap.cli.suites import Suite

_CHUNK = 64 << 10
_LAST_WORDS_S = 1.0  # after Ctrl-C the program before us may still say goodbye
_LONG_GOODBYE_S = 10.0  # but not for ever
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
@click.option(
    "--tests", metavar="RUNNER", help="Tell of the test run that the lines show, such as pytest or tap."
)
@click.option("--quiet", is_flag=True, help="Do not pass the lines on to standard output.")
@collector_options
def pipe(prefix: str | None, project: str | None, tests: str | None, quiet: bool, **collector: Any) -> int:
    """
    Keep the lines of standard input, and pass them on to standard output.

    Prefixes in front of lines (`[p/s/i]`, docker compose, Procfile runners, kubectl), times, levels, JSON,
    logfmt and tracebacks are understood; see docs/reference/line-formats.md. The collector need not be there:
    what it does not get is kept, and delivered later.
    """
    from pylogtap.cli.keeping import Keeper, Output
    from pylogtap.cli.standard import Target
    from pylogtap.prefix import find_prefix
    from pylogtap.settings import load

    environment = {"PYLOGTAP_SERVICE": "pipe", **os.environ}
    if project is not None:
        environment["PYLOGTAP_PROJECT"] = _checked(project)
    settings = load(prefix=prefix, **collector)
    place = find_prefix(settings.prefix, environment)
    suite = _suite(tests)
    keeper = Keeper(settings)
    if suite is not None and not settings.disabled:
        suite.connect(keeper.client, str(place))
    output = Output(keeper, place, project, listener=suite.listener(1) if suite is not None else None)
    target = None if quiet else Target(sys.stdout.fileno())
    with _noting_signals() as signals:
        _copy(keeper, output, target, signals)
        output.end()
        if suite is not None:
            suite.end(128 + signals[0] if signals else None)
        arrives = keeper.finish(tell=True)
    if signals:
        return 128 + signals[0]
    return 0 if arrives and not (target and target.failed) else 1


def _suite(runner: str | None) -> Suite | None:
    """Return what tells of a test run, where that is asked for."""
    if runner is None:
        return None
    from pylogtap.cli.suites import suite_of

    return suite_of((), runner)


def _checked(project: str) -> str:
    """
    Return a name for a project.

    Raises:
        PrefixError: It cannot be one.
    """
    from pylogtap.errors import PrefixError
    from pylogtap.prefix import Prefix

    if "/" in project:
        raise PrefixError(f"--project {project!r} is more than a project; --prefix takes a whole place")
    return Prefix.parse(project).project


@contextmanager
def _noting_signals() -> Iterator[list[int]]:
    """Collect the signals that ask us to end, instead of dying in the middle of a line; the second kills."""
    seen: list[int] = []

    def note(number: int, _: Any) -> None:
        seen.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.getsignal(each) for each in _ENDING}
    before = {each: handler for each, handler in before.items() if handler is not signal.SIG_IGN}
    for each in before:
        signal.signal(each, note)
    try:
        yield seen
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _copy(keeper: Keeper, output: Output, target: Target | None, signals: Sequence[int]) -> None:
    """Read until the end; after a signal until the program before us says no more."""
    from pylogtap.cli.keeping import IDLE_S

    source, until = sys.stdin.fileno(), None
    while until is None or time.monotonic() < until:
        wait_s = _LAST_WORDS_S if signals else IDLE_S
        if signals and until is None:
            until = time.monotonic() + _LONG_GOODBYE_S
        try:
            if not select.select([source], [], [], wait_s)[0]:
                if wait_s == _LAST_WORDS_S:
                    return
                output.pause()
                continue
            chunk = os.read(source, _CHUNK)
            if not chunk:
                return
            output.take(chunk)
            if target is not None:
                target.write(chunk)
        except BrokenPipeError:  # whoever read our output has seen enough, as `head`
            output.end()
            keeper.finish(tell=False)
            raise
