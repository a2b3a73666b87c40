"""`pylogtap key`: make and end the keys of programs."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand, ExampleGroup
from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.options import list_option
from pylogtap_collector.cli.desks import checked, desk_options, open_desk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pylogtap.cli.listing import Item
    from pylogtap_collector.cli.desks import Desk
    from pylogtap_collector.models import KeyRole

_MAY = {"ingest": "delivers to", "read": "reads", "admin": "may do everything in"}


@click.group(
    cls=ExampleGroup,
    short_help="Make and end the keys of programs.",
    examples=(
        "export PYLOGTAP_KEY=$(pylogtap key add web --project shop)",
        "pylogtap key list",
        "pylogtap key revoke plt_k3m9x2vq7d",
    ),
)
def key() -> None:
    """
    Make and end the keys of programs.

    Each asks the collector, and takes a key that manages the project, or the name of a user who does, by
    --as; with --data it works on a folder that no collector uses.
    """


@key.command(
    cls=ExampleCommand,
    examples=(
        "export PYLOGTAP_KEY=$(pylogtap key add web --project shop)",
        "pylogtap key add reports --project shop --role read --expires 30d",
        "export PYLOGTAP_KEY=$(pylogtap key add ops --all-projects --role admin --as ada)",
        "pylogtap key add ops --all-projects --role admin --data /var/lib/pylogtap",
    ),
)
@click.argument("name")
@click.option("--project", metavar="P", help="The one project it is good for; it need not be there yet.")
@click.option("--all-projects", is_flag=True, help="It is good for all projects.")
@click.option(
    "--role", type=click.Choice(tuple(_MAY)), default="ingest", show_default=True,
    help="ingest: deliver only; read: read only; admin: everything.",
)  # fmt: skip
@click.option(
    "--expires", metavar="WHEN", help="When it ends: after 30d, 12h or so, or 2027-01-01. Default: never."
)
@desk_options
def add(
    name: str,
    project: str | None,
    all_projects: bool,
    role: KeyRole,
    expires: str | None,
    data: Path | None,
    **collector: Any,
) -> None:
    """
    Make a key, and print it. It is shown this once.

    NAME says what it is for. The key goes to standard output, alone, and all else to standard error. A key
    that administers the collector is one of --all-projects with --role admin.
    """
    from pylogtap_collector.models import KeyIn

    if (project is None) is not all_projects:
        raise WrongUsage("say what it is good for: --project P or --all-projects")
    end = None if expires is None else _end(expires)
    new = checked(KeyIn, name=name, project=project, role=role, expires=end)
    with open_desk(data, collector, adds=True) as desk:
        made = desk.add_key(new)
    until = "" if end is None else f" until {end:%Y-%m-%d %H:%M:%SZ}"
    click.echo(
        f"key {made['prefix']}: {_MAY[role]} {project or 'all projects'}{until}; shown this once:", err=True
    )
    click.echo(made["secret"])
    click.echo("programs and commands take it from PYLOGTAP_KEY", err=True)
    if desk.is_open:
        click.echo("from now on every program and every command needs a key, on this machine, too", err=True)


@key.command("list", cls=ExampleCommand, examples=("pylogtap key list", "pylogtap key list --project shop"))
@click.option("--project", metavar="P", help="Keys of this project alone.")
@list_option
@desk_options
def list_(project: str | None, form: str, data: Path | None, **collector: Any) -> None:
    """List keys, also those that have ended. What is secret of them is known to nobody."""
    from pylogtap.cli.listing import moment, write_items

    with open_desk(data, collector) as desk:
        keys = desk.keys(project)
    columns: dict[str, Callable[[Item], Any]] = {
        "id": lambda each: each["id"],
        "key": lambda each: each["prefix"],
        "name": lambda each: each["name"],
        "project": lambda each: each["project"] or "(all)",
        "role": lambda each: each["role"],
        "state": _state,
        "expires": lambda each: moment(each["expires"]),
        "last used": lambda each: moment(each["last_used"]),
    }
    write_items(form, keys, columns)


@key.command(cls=ExampleCommand, examples=("pylogtap key revoke plt_k3m9x2vq7d", "pylogtap key revoke 3"))
@click.argument("which", metavar="ID|KEY")
@desk_options
def revoke(which: str, data: Path | None, **collector: Any) -> None:
    """End a key at once and for good; it stays listed. Name it by its number, how it begins, or all of it."""
    with open_desk(data, collector) as desk:
        found = _find(desk, which)
        desk.revoke_key(found["id"])
    click.echo(f"key {found['prefix']} ({found['name']}) is revoked")


@key.command(cls=ExampleCommand, examples=("pylogtap key remove plt_k3m9x2vq7d", "pylogtap key remove 3"))
@click.argument("which", metavar="ID|KEY")
@desk_options
def remove(which: str, data: Path | None, **collector: Any) -> None:
    """End a key at once, and list it no more. Name it by its number, how it begins, or all of it."""
    with open_desk(data, collector) as desk:
        found = _find(desk, which)
        desk.remove_key(found["id"])
    click.echo(f"key {found['prefix']} ({found['name']}) is removed")


def _find(desk: Desk, which: str) -> Item:
    """Return a key by its number, by how it begins, or by all of it, which is not repeated."""
    from pylogtap_collector.access.tokens import prefix_of

    which = which.strip()
    beginning = prefix_of(which)
    for each in desk.keys(None):
        if which == str(each["id"]) or beginning == each["prefix"]:
            return each
    shown = which if beginning == which else f"{beginning}…" if which.startswith("plt_") else f"{which[:4]}…"
    raise Failed(f"there is no key {shown}", remedies=("pylogtap key list",))


def _end(text: str) -> datetime:
    from pylogtap_collector.errors import Invalid
    from pylogtap_collector.times import parse_span, parse_time, to_datetime

    now = time.time_ns()
    span = parse_span(text)
    try:
        end = parse_time(text if span is None else f"now+{text}", now)
    except Invalid as error:
        raise WrongUsage(
            f"--expires {text}: write 30d, 12h or a day such as 2027-01-01, in the years 1970 to 2261"
        ) from error
    if end <= now:
        raise WrongUsage(f"--expires {text}: that is over already")
    return to_datetime(end).replace(microsecond=0)


def _state(found: Item) -> str:
    if found["revoked"] is not None:
        return "revoked"
    ended = found["expires"] is not None and datetime.fromisoformat(found["expires"]) <= datetime.now(UTC)
    return "expired" if ended else "active"
