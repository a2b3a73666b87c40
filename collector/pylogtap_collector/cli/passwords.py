"""Passwords and codes from whoever sits before the command; never from an argument."""

from __future__ import annotations

import secrets
import sys

import click

from pylogtap.cli.errors import WrongUsage

_BYTES = 15  # of chance: 20 characters


def obtain_password(*, generate: bool) -> str:
    """
    Ask for a new password at a terminal, twice; elsewhere read it from a line of standard input.

    Args:
        generate: Make one instead.

    Raises:
        WrongUsage: There is none.
    """
    if generate:
        return secrets.token_urlsafe(_BYTES)
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return password
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise WrongUsage(
            "there is no password: type it at a terminal, give a line on standard input, or let one be made"
            " by --generate"
        )
    return password


def obtain_code(given: str | None) -> str:
    """
    Return the code that makes the first account.

    Args:
        given: On the command line.

    Raises:
        WrongUsage: It is missing, and nobody can be asked.
    """
    if given is not None:
        return given
    if sys.stdin.isatty():
        code: str = click.prompt("Code that the collector printed when it started", err=True)
        return code
    raise WrongUsage(
        "the first account takes the code that the collector printed when it started: give it by --code"
    )


def tell(text: str, password: str | None) -> None:
    """
    Say what was done; a password that was made goes to standard output, alone.

    Args:
        text: What was done.
        password: The one that was made; None: none was.
    """
    click.echo(text, err=password is not None)
    if password is not None:
        click.echo(password)
