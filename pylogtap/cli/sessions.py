"""Asking a collector with a key, or signed in for the time of one command."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pylogtap.cli.errors import WrongUsage
from pylogtap.cli.options import collector_options
from pylogtap.cli.unreachable import Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pylogtap.cli.api import Api

SESSIONS = "/api/v1/sessions"
_Function = TypeVar("_Function", bound="Callable[..., Any]")


def person_options(function: _Function) -> _Function:
    """Add `--url`, `--key` and `--as`: which collector, and who asks it."""
    person = click.option(
        "--as", "person", metavar="NAME",
        help="Sign in by this name for the command, instead of a key; the password is asked for.",
    )  # fmt: skip
    return collector_options(person(function))


@contextmanager
def open_api(person: str | None, **collector: Any) -> Iterator[Api]:
    """
    Open a collector, and sign out at the end where somebody signed in.

    Args:
        person: Who signs in; None: nobody.
        collector: Address and key, as they were given.

    Raises:
        WrongUsage: A key was given, too; or there is no password.
    """
    from pylogtap.cli.api import Api
    from pylogtap.settings import load

    if person is not None and collector.get("key") is not None:
        raise WrongUsage("give --as or --key, not both")
    settings = load(**collector)
    if person is None:
        yield Api(settings.url, settings.key, needs_key=_remedies())
        return
    given = {"name": person, "password": _ask_password(person)}
    api = Api(settings.url, None).sign_in(SESSIONS, given)
    try:
        yield api
    finally:
        with suppress(Unreachable):  # what the command itself came to matters more
            api.sign_out()


def _remedies() -> tuple[str, ...]:
    context = click.get_current_context(silent=True)
    command = "pylogtap" if context is None else context.command_path
    return (
        f"sign in for it:  {command} … --as NAME",
        "or show a key:   export PYLOGTAP_KEY=…",
    )


def _ask_password(person: str) -> str:
    if sys.stdin.isatty():
        password: str = click.prompt(f"Password of {person}", hide_input=True, err=True)
        return password
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise WrongUsage(
            f"there is no password of {person}: type it at a terminal, or give a line on standard input"
        )
    return password
