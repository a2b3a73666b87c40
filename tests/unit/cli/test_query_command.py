"""Queries on the command line: words may begin with a dash."""

from __future__ import annotations

import click
import pytest

from pylogtap.cli.commands import pylogtap


def parsed(command: str, *arguments: str) -> dict[str, object]:
    """Return what a command takes its arguments for."""
    with click.Context(pylogtap) as context:
        found = pylogtap.get_command(context, command)
        assert found is not None
        return dict(found.make_context(command, list(arguments)).params)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-service:checkout"], ("-service:checkout",)),
        (["-help:x", "-name:y"], ("-help:x", "-name:y")),
        (["declined", "-user.id:42", "-n", "5"], ("declined", "-user.id:42")),
        (["-n5", "--", "-n:5"], ("-n:5",)),
        (["--since", "-15m", "a"], ("a",)),
    ],
)
def test_words_that_begin_with_a_dash(arguments: list[str], words: tuple[str, ...]) -> None:
    """What is no option of ours is part of the query."""
    assert parsed("query", *arguments)["query"] == words


def test_options_among_the_words() -> None:
    """Options are found wherever they stand."""
    params = parsed("query", "-a:1", "--limit", "7", "b", "--format=json", "--since", "1h")
    assert (params["query"], params["limit"]) == (("-a:1", "b"), 7)
    assert (params["form"], params["since"]) == ("json", "1h")


@pytest.mark.parametrize("command", ["query", "tail", "export"])
def test_an_option_that_is_not_there(command: str) -> None:
    """A long option that we do not have is a mistake, not a word."""
    with pytest.raises(click.NoSuchOption):
        parsed(command, "--nope")
