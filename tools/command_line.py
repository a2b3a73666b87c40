"""Write docs/reference/command-line.md from the commands: `python -m tools.command_line`."""

from __future__ import annotations

import sys
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.commands import pylogtap

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "command-line.md"
_HEAD = """\
# Command line

<!-- Made from the commands by `python -m tools.command_line`; a test compares it with them. -->

`pylogtap COMMAND --help` shows the same. Exit codes: 0 done, 1 the thing asked for failed, 2 wrong usage;
`pylogtap run` ends with the exit code of its program. People at a terminal get colours, unless `NO_COLOR` is
set; files and other programs get plain text.

Address and key come from the option, from `PYLOGTAP_URL` and `PYLOGTAP_KEY`, or from `pyproject.toml`; see
[settings](settings.md). Better give the key by the environment: other users of a machine can read arguments.
"""


def commands() -> list[click.Command]:
    """Return all commands, in the order of `pylogtap --help`."""
    top = click.Context(pylogtap, info_name="pylogtap")
    found = [pylogtap.get_command(top, name) for name in pylogtap.list_commands(top)]
    return [each for each in found if each is not None]


def render() -> str:
    """Return the page."""
    top = click.Context(pylogtap, info_name="pylogtap")
    return _HEAD + "".join(part for command in commands() for part in _described(command, top))


def _described(command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=command.name)
    name = context.command_path.removeprefix("pylogtap ")
    yield f"\n{'#' * (name.count(' ') + 2)} {name}\n\n```text\n{context.command_path}"
    yield f" {' '.join(command.collect_usage_pieces(context))}\n```\n"
    yield f"\n{cleandoc(command.help or '')}\n"
    records = [record for each in command.params if (record := each.get_help_record(context))]
    if records:
        yield "\n| option | meaning |\n|---|---|\n"
        for names, text in records:
            yield f"| `{_cell(names)}` | {_cell(text)} |\n"
    if isinstance(command, ExampleCommand):
        lines = "".join(f"$ {each}\n" for each in command.examples)
        yield f"\n```console\n{lines}```\n"
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _described(each, context)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> int:
    """Write the page."""
    PAGE.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
