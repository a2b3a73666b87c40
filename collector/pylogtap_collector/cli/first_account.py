"""The first account of a collector that runs: it takes the code that the collector printed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from pylogtap.cli.errors import WrongUsage
from pylogtap_collector.cli.api_desk import ApiDesk
from pylogtap_collector.cli.desks import checked
from pylogtap_collector.cli.passwords import obtain_code, obtain_password, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.cli.desks import Desk


def takes_code(desk: Desk, code: str | None) -> ApiDesk | None:
    """
    Return the collector whose first account is to be made by the code; None: it is made otherwise.

    Args:
        desk: The collector, or a folder.
        code: As it was given.
    """
    return desk if isinstance(desk, ApiDesk) and (desk.takes_code or code is not None) else None


def add_first(
    desk: ApiDesk,
    name: str,
    code: str | None,
    projects: Sequence[str],
    *,
    generate: bool,
    url: str | None = None,
) -> None:
    """
    Make the first account, which administers the collector.

    Args:
        desk: The collector.
        name: What he signs in with.
        code: As it was given; None: ask for it.
        projects: Where he was to have roles, which is wrong usage.
        generate: Make his password.
        url: The collector's address, where it was given on the command line.
    """
    from pylogtap_collector.models import SetUp

    if projects:
        raise WrongUsage("the first account administers the whole collector; leave --project and --role out")
    code = obtain_code(code)
    password = obtain_password(generate=generate)
    desk.set_up(checked(SetUp, code=code, name=name, password=password))
    tell(f"{name} can sign in, and administers the collector", password if generate else None)
    where = "" if url is None else f" --url {shlex.quote(url)}"
    command = f"pylogtap key add ops --all-projects --role admin --as {shlex.quote(name)}{where}"
    click.echo(
        f"from now on programs and commands need a key, made here or on the page {desk.url}/sign-in:\n"
        f"  export PYLOGTAP_KEY=$({command})",
        err=True,
    )
