"""What ends a command: a sentence for people, and the command that mends it."""

from __future__ import annotations

import re
from typing import IO, Any

import click

_KEY = re.compile(r"\b(plt_[a-z0-9]{10})_[\w-]+")  # as a collector makes them; see `pylogtap key`


def without_secrets(text: str) -> str:
    """Return a text in which keys are shown by their beginning alone: errors repeat what was typed."""
    return _KEY.sub(r"\1…", text)


class Failed(click.ClickException):
    """The thing asked for failed; exit code 1."""

    exit_code = 1

    def __init__(self, message: str, *, remedies: tuple[str, ...] = ()) -> None:
        """
        Keep what will be said.

        Args:
            message: What is wrong, one sentence.
            remedies: Commands or sentences that say what to do, one a line.
        """
        super().__init__(message)
        self.remedies = remedies

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it, to stderr by default."""
        text = "\n".join([f"pylogtap: {self.message}", *(f"  {each}" for each in self.remedies)])
        click.echo(text, file=file, err=file is None)


class WrongUsage(Failed):
    """Something given on the command line or in a setting cannot be right; exit code 2."""

    exit_code = 2
