"""`pylogtap run`: run a program, and keep what it logs and prints."""

from __future__ import annotations

import os
import signal
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed
from pylogtap.cli.options import collector_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.prefix import Prefix
    from pylogtap.text import ParsedRecord

LOGGER = "pylogtap.run"  # of what we ourselves say about the program
_ASKED_FOR = frozenset({"SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"})  # ends that somebody wanted


class NoSuchProgram(Failed):
    """There is no such program; the exit code is that of a shell."""

    exit_code = 127


class NotRunnable(Failed):
    """The program cannot be run; the exit code is that of a shell."""

    exit_code = 126


@click.command(
    cls=ExampleCommand,
    short_help="Run a program and keep what it logs and prints.",
    examples=(
        "pylogtap run --prefix shop/checkout -- python app.py",
        "pylogtap run -- gunicorn shop.wsgi",
        "pylogtap run -- go test -v ./...",
        "pylogtap run --prefix shop/cache -- redis-server",
    ),
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "--prefix", metavar="P/S/I", help="Place of the program; default: PYLOGTAP_PREFIX, or made from its name."
)
@click.option(
    "--tests",
    metavar="RUNNER",
    help="What prints test results: pytest, unittest, go, go-json, jest, vitest, tap. Default: found out.",
)
@click.option("--no-tests", is_flag=True, help="Keep test results as lines alone, not as test runs.")
@collector_options
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    command: tuple[str, ...], prefix: str | None, tests: str | None, no_tests: bool, **collector: Any
) -> int:
    """
    Run a program, and keep what it logs and prints.

    A Python program, and every Python program that it starts, gets our handler without a line of code. What
    any program prints goes on to where it went before, and is kept line by line, as `pylogtap pipe` would.
    Signals are passed on, and the program's exit code becomes ours. A bad end is a record, too.

    Results that a test runner prints become a test run with its cases; see
    docs/how-to/parse-test-output.md.
    """
    from pylogtap.cli.child import Child
    from pylogtap.cli.keeping import Keeper, Output
    from pylogtap.cli.suites import suite_of
    from pylogtap.settings import load

    settings = load(prefix=prefix, **collector)
    place = _place(settings.prefix, command)
    suite = None if no_tests else suite_of(command, tests)  # before anything begins: it may be wrong
    keeper = Keeper(settings)
    if suite is not None and not settings.disabled:
        suite.connect(keeper.client, str(place))
    hear = suite.listener if suite is not None else _nobody
    outputs = (
        Output(keeper, place, listener=hear(1), stream="stdout"),
        Output(keeper, place, listener=hear(2), stream="stderr"),
    )
    variables = {"PYLOGTAP_PREFIX": str(place), "PYLOGTAP_URL": settings.url}
    if settings.key:
        variables["PYLOGTAP_KEY"] = settings.key
    try:
        child = Child(command, {**os.environ, **variables})
    except FileNotFoundError as error:
        raise NoSuchProgram(f"there is no program {command[0]!r}") from error
    except OSError as error:
        raise NotRunnable(f"{command[0]} cannot be run: {error.strerror}") from error
    code = child.follow(outputs)
    for output in outputs:
        output.end()
    if suite is not None:
        suite.end(code)
    if code:
        keeper.keep([_end_of(code, place)], {"exit_code": code})
    keeper.finish(tell=False, others=True)  # a killed program could not, and its folder may go with us
    return code


def _nobody(_: int) -> None:
    """Let no one hear a stream."""


def _end_of(code: int, place: Prefix) -> ParsedRecord:
    """Make the record of an end that was no success."""
    from pylogtap.text import ParsedRecord

    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        name = ""
    message = f"the program was ended by {name}" if name else f"the program ended with exit code {code}"
    level, severity = ("info", 9) if name in _ASKED_FOR else ("error", 17)
    return ParsedRecord(place, None, time.time_ns(), severity, level, LOGGER, message, {}, None)


def _place(given: str | None, command: Sequence[str]) -> Prefix:
    from pylogtap.prefix import find_prefix

    environment = {"PYLOGTAP_SERVICE": service_of(command), **os.environ}
    if os.environ.get("OTEL_SERVICE_NAME") and "PYLOGTAP_SERVICE" not in os.environ:
        del environment["PYLOGTAP_SERVICE"]
    return find_prefix(given, environment)


def service_of(command: Sequence[str]) -> str:
    """
    Return the name that a program would give itself: of the script or module, for an interpreter.

    Args:
        command: Program and arguments.
    """
    name = PurePath(command[0]).name
    if not name.startswith(("python", "pypy")):
        return name
    words = iter(command[1:])
    for word in words:
        if word == "-m":
            return next(words, name)
        if word in {"-W", "-X"}:
            next(words, None)
        elif word == "-c":
            break
        elif not word.startswith("-"):
            return PurePath(word).name.removesuffix(".py")
    return name
