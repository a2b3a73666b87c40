"""Options that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_Function = TypeVar("_Function", bound="Callable[..., Any]")

FORMATS = ("pretty", "json", "csv")


def collector_options(function: _Function) -> _Function:
    """Add `--url` and `--key`: which collector, and what proves that we may ask it."""
    key = click.option("--key", metavar="KEY", help="The collector's key; default: PYLOGTAP_KEY.")
    url = click.option(
        "--url", metavar="URL", help="The collector's address; default: PYLOGTAP_URL, else this machine's."
    )
    return url(key(function))


def range_options(function: _Function) -> _Function:
    """Add `--since` and `--until`."""
    until = click.option("--until", metavar="TIME", help="Only records before this; written as --since.")
    since = click.option(
        "--since", metavar="TIME", help="Only records from then on: 15m, 1h, 2d, now-1h or an RFC 3339 time."
    )
    return since(until(function))


def format_option(default: str) -> Callable[[_Function], _Function]:
    """
    Return the decorator that adds `--format`.

    Args:
        default: The format if none is given.
    """
    return click.option(
        "--format", "form", type=click.Choice(FORMATS), default=default, show_default=True,
        help="pretty: for people; json: one object a line; csv: with a header line.",
    )  # fmt: skip


def spool_option(function: _Function) -> _Function:
    """Add `--spool-dir`: where what is not delivered yet stands."""
    return click.option(
        "--spool-dir",
        metavar="DIR",
        help="The spool directory; default: PYLOGTAP_SPOOL_DIR, else the user's.",
    )(function)


def list_option(function: _Function) -> _Function:
    """Add `--format` for commands that print a list of something else than records."""
    return click.option(
        "--format", "form", type=click.Choice(FORMATS[:2]), default=FORMATS[0], show_default=True,
        help="pretty: for people; json: one object a line.",
    )(function)  # fmt: skip


def document_option(function: _Function) -> _Function:
    """Add `--format` for commands that print one answer instead of records."""
    return click.option(
        "--format", "form", type=click.Choice(FORMATS[:2]), default=FORMATS[0], show_default=True,
        help="pretty: for people; json: one object.",
    )(function)  # fmt: skip
