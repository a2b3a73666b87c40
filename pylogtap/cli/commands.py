"""The table of commands, each loaded when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pylogtap.cli.command import ExampleGroup
from pylogtap.cli.errors import Failed, WrongUsage, without_secrets
from pylogtap.errors import PylogtapError

if TYPE_CHECKING:
    from collections.abc import Sequence

ENTRY_POINTS = "pylogtap.commands"  # group under which other distributions offer commands
INTERRUPTED = 130  # 128 + SIGINT, as shells report it


class Entry(NamedTuple):
    """A command that is not loaded yet."""

    home: str  # module that holds a click command of the same name; empty: another distribution's
    summary: str


TABLE = {
    "demo": Entry("", "Start a collector and three services that log: a first look."),
    "serve": Entry("", "Start the collector."),
    "run": Entry("pylogtap.cli.run", "Run a program and keep what it logs and prints."),
    "pipe": Entry("pylogtap.cli.pipe", "Keep the lines that come in on standard input."),
    "tail": Entry("pylogtap.cli.tail", "Watch records as they arrive."),
    "query": Entry("pylogtap.cli.query", "Search the records."),
    "tests": Entry("pylogtap.cli.tests", "Show test runs, import reports, stop a build."),
    "export": Entry("pylogtap.cli.export", "Write all records that a query finds."),
    "open": Entry("", "Look at a backup or an incident file."),
    "backup": Entry("", "Copy the whole database to a file."),
    "restore": Entry("", "Put a backup in the place of a database."),
    "recover": Entry("", "Put back what can be read of a damaged database."),
    "retention": Entry("pylogtap.cli.retention", "Show and set how long records are kept."),
    "compact": Entry("", "Make the database smaller."),
    "user": Entry("", "Say who can sign in, and what he may do."),
    "key": Entry("", "Make and end the keys of programs."),
    "audit": Entry("pylogtap.cli.audit", "Show who did what."),
    "drain": Entry("pylogtap.cli.drain", "Deliver what dead processes left behind."),
    "doctor": Entry("pylogtap.cli.doctor", "Say what is wrong, and the command that mends it."),
    "verify": Entry("", "Try on this machine what is promised."),
}


class _SeenEnough(Exception):
    """Whoever read our output has left; click would make a failure of the BrokenPipeError itself."""


class LazyGroup(ExampleGroup):
    """Lists the commands from the table, and loads the one that runs."""

    def invoke(self, ctx: click.Context) -> Any:
        """
        Run the command.

        Raises:
            _SeenEnough: Nobody reads what it writes.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _SeenEnough from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return all names, in the order in which people meet them."""
        return list(TABLE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """
        Load a command.

        Raises:
            Failed: It belongs to a distribution that is not installed.
        """
        entry = TABLE.get(cmd_name)
        if entry is None or not entry.home:
            return _of_other_distribution(cmd_name, known=entry is not None)
        command: click.Command = getattr(import_module(entry.home), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write names and summaries without loading anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in TABLE.items()])


def _of_other_distribution(name: str, *, known: bool) -> click.Command | None:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS, name=name):
        command: click.Command = point.load()
        return command
    if known:
        raise Failed(
            f"`pylogtap {name}` needs the collector, which is not installed here",
            remedies=("pip install 'pylogtap[collector]'",),
        )
    return None


def _show_version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from pylogtap.version import __version__

        click.echo(f"pylogtap {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    examples=(
        "pylogtap demo",
        "pylogtap run --prefix shop/checkout -- python app.py",
        "pylogtap tail level:error",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 the thing asked for failed, 2 wrong usage. `pylogtap COMMAND --help` shows"
    " an example of each.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
def pylogtap() -> None:
    """Logs that survive the death of their process, stored once, found again."""


def _show(error: click.ClickException) -> None:
    """Print an error. Most repeat what was typed, which may be a key."""
    text = StringIO()
    error.show(text)
    click.echo(without_secrets(text.getvalue()), nl=False, err=True)


def run(arguments: Sequence[str]) -> int:
    """
    Run a command.

    Args:
        arguments: As they stand on the command line, without the program's name.

    Returns:
        The exit code.
    """
    from pylogtap.cli.standard import open_missing

    open_missing()
    code: Any = 0
    try:
        code = pylogtap.main(list(arguments), prog_name="pylogtap", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except PylogtapError as error:  # a setting or a prefix
        WrongUsage(str(error)).show()
        return WrongUsage.exit_code
    except (_SeenEnough, BrokenPipeError):  # the latter while flushing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    return code if isinstance(code, int) else 0
