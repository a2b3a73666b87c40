"""The written reference of the command line is that of the commands, and its examples can be typed."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.commands import TABLE, pylogtap
from tests.support.documents import DOCS, ROOT, code, rows
from tools import command_line

COMMANDS = {str(each.name): each for each in command_line.commands()}
PARTS = [
    part
    for command in COMMANDS.values()
    if isinstance(command, click.Group)
    for part in command.commands.values()
]
EXAMPLES = [
    example
    for command in (pylogtap, *COMMANDS.values(), *PARTS)
    if isinstance(command, ExampleCommand)
    for example in command.examples
]


def test_the_reference_is_current() -> None:
    """The page is what the commands say; `python -m tools.command_line` writes it."""
    assert command_line.PAGE.read_text(encoding="utf-8") == command_line.render()


def test_all_checks_of_the_doctor() -> None:
    """The guide's table has every check, and no other."""
    sources = (ROOT / "pylogtap" / "cli" / "checks").glob("*.py")
    named = {name for path in sources for name in re.findall(r'Finding\(\s*"([\w ]+)"', path.read_text())}
    table = rows(DOCS / "how-to" / "find-what-is-wrong.md", "check", "finds")
    assert sorted(code(cells[0]) for cells in table) == sorted(named)


def test_all_commands_are_there() -> None:
    """Every command of the table loads under its name, has help, and has an example of itself."""
    assert list(COMMANDS) == list(TABLE)
    for name, command in COMMANDS.items():
        assert command.help
        assert isinstance(command, ExampleCommand)
        assert any(f"pylogtap {name}" in each for each in command.examples)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_are_right(example: str) -> None:
    """Whoever types an example is not told of wrong usage."""
    (typed,) = re.findall(r"pylogtap (\w.*?)\)?(?: [|<>] .*)?$", example)
    name, *arguments = shlex.split(typed)
    command, context = COMMANDS[name], click.Context(pylogtap)
    if isinstance(command, click.Group) and arguments:  # some do something without a part, too
        context = command.make_context(name, [], parent=context, resilient_parsing=True)
        name, *arguments = arguments
        command = command.commands[name]
    assert command.make_context(name, arguments, parent=context).command.name == name


def test_all_parts_of_commands_are_told() -> None:
    """Every command of a group has help, and an example of itself."""
    assert PARTS
    for part in PARTS:
        assert part.help
        assert isinstance(part, ExampleCommand)
        assert any(f" {part.name}" in each for each in part.examples)
