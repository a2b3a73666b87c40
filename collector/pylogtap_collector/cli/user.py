"""`pylogtap user`: say who can sign in, and what he may do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand, ExampleGroup
from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.options import document_option, list_option
from pylogtap_collector.cli.desks import checked, desk_options, open_desk
from pylogtap_collector.cli.roles import ROLES, grant, revoke

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pylogtap.cli.listing import Item
    from pylogtap_collector.cli.desks import Desk
    from pylogtap_collector.models import Role

_generate = click.option("--generate", is_flag=True, help="Make a password, and print it on standard output.")


@click.group(
    cls=ExampleGroup,
    short_help="Say who can sign in, and what he may do.",
    examples=(
        "pylogtap user add ada --admin --data /var/lib/pylogtap",
        "pylogtap user add bob --project shop --role viewer",
        "pylogtap user list",
    ),
)
def user() -> None:
    """
    Say who can sign in, and what he may do.

    Each asks the collector, and takes a key that administers, or the name of a user who does, by --as; with
    --data it works on a folder that no collector uses.
    """


@user.command(
    cls=ExampleCommand,
    examples=(
        "pylogtap user add ada --code K7QM-2F9X-WD4P",
        "pylogtap user add ada --admin --data /var/lib/pylogtap",
        "pylogtap user add bob --project shop --role editor --project pay --role viewer --generate",
    ),
)
@click.argument("name")
@click.option("--admin", is_flag=True, help="He administers the whole collector, as the first account does.")
@click.option(
    "--project", "projects", multiple=True, metavar="P", help="He has a role in it; may be repeated."
)
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(ROLES), help="Which one, for each --project."
)
@click.option(
    "--code", metavar="CODE", help="For the first account: what the collector printed at its start."
)
@_generate
@desk_options
def add(
    name: str,
    admin: bool,
    projects: tuple[str, ...],
    roles: tuple[Role, ...],
    code: str | None,
    generate: bool,
    data: Path | None,
    **collector: Any,
) -> None:
    """
    Make a user.

    The password is asked for twice; where standard input is no terminal, it is one line of it. The very first
    account of a collector that runs takes the code that it printed when it started.
    """
    from pylogtap_collector.cli.first_account import add_first, takes_code
    from pylogtap_collector.cli.passwords import obtain_password, tell
    from pylogtap_collector.models import UserIn

    if len(projects) != len(roles):
        raise WrongUsage("give a --role for each --project, and none without")
    if code is not None and data is not None:
        raise WrongUsage("the --code is for a collector that runs; with --data none is needed")
    if code is not None and collector["person"] is not None:
        raise WrongUsage("the --code makes the first account; before, nobody can sign in by --as")
    with open_desk(data, collector, adds=True) as desk:
        by_code = takes_code(desk, code)
        if by_code is not None:
            add_first(by_code, name, code, projects, generate=generate, url=collector["url"])
            return
        for project in projects:
            desk.check_project(project)
        password = obtain_password(generate=generate)
        admin = admin or desk.is_new  # else nobody could give access
        desk.add_user(checked(UserIn, name=name, password=password, admin=admin))
        for project, role in zip(projects, roles, strict=True):
            desk.grant(project, name, role)
    tell(
        f"{name} can sign in{', and administers the collector' if admin else ''}",
        password if generate else None,
    )


@user.command(
    "list",
    cls=ExampleCommand,
    examples=(
        "pylogtap user list --as ada",
        "pylogtap user list --project shop",
        "pylogtap user list --format json",
    ),
)
@click.option("--project", metavar="P", help="Who has a role in this project, and which one.")
@list_option
@desk_options
def list_(project: str | None, form: str, data: Path | None, **collector: Any) -> None:
    """List all users, or the members of a project. Who manages the project may list these, too."""
    from pylogtap.cli.listing import moment, write_items

    if project is not None:
        with open_desk(data, collector) as desk:
            members = desk.members(project)
        about: dict[str, Callable[[Item], Any]] = {
            "name": lambda each: each["user"],
            "role": lambda each: each["role"],
            "since": lambda each: moment(each["since"]),
        }
        write_items(form, members, about)
        return
    with open_desk(data, collector) as desk:
        users = desk.users()
    columns: dict[str, Callable[[Item], Any]] = {
        "name": lambda each: each["name"],
        "admin": lambda each: each["admin"],
        "state": _state,
        "last sign-in": lambda each: moment(each["last_sign_in"]),
        "projects": _roles,
    }
    write_items(form, users, columns)


@user.command(cls=ExampleCommand, examples=("pylogtap user show ada",))
@click.argument("name")
@document_option
@desk_options
def show(name: str, form: str, data: Path | None, **collector: Any) -> None:
    """Show a user."""
    from pylogtap.cli.listing import moment, write_item, write_items

    with open_desk(data, collector) as desk:
        found = _find(desk, name)
    if form == "json":
        write_items(form, [found], {})
        return
    write_item(
        {
            "name": found["name"],
            "admin": found["admin"],
            "state": _state(found),
            "made": moment(found["created"]),
            "last sign-in": moment(found["last_sign_in"]),
            "projects": _roles(found),
        }
    )


@user.command(
    cls=ExampleCommand,
    examples=("pylogtap user change bob --disable", "pylogtap user change bob --rename robert"),
)
@click.argument("name")
@click.option("--admin/--no-admin", default=None, help="Whether he administers the whole collector.")
@click.option(
    "--disable/--enable", "disabled", default=None, help="Keep him from signing in, and end his sessions."
)
@click.option("--rename", metavar="NEW", help="His new name.")
@desk_options
def change(
    name: str,
    admin: bool | None,
    disabled: bool | None,
    rename: str | None,
    data: Path | None,
    **collector: Any,
) -> None:
    """Change a user. The last administrator stays one."""
    from pylogtap_collector.models import UserPatch

    given = {"admin": admin, "disabled": disabled, "name": rename}
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise WrongUsage("say what changes: --admin, --no-admin, --disable, --enable or --rename NEW")
    patch = checked(UserPatch, **changes)
    with open_desk(data, collector) as desk:
        changed = desk.change_user(_find(desk, name)["id"], patch)
    kind = "administers the collector" if changed["admin"] else "does not administer the collector"
    click.echo(f"{changed['name']}: {_state(changed)}, {kind}")


@user.command(
    cls=ExampleCommand,
    examples=("pylogtap user password ada", "pylogtap user password bob --generate --data /var/lib/pylogtap"),
)
@click.argument("name")
@_generate
@desk_options
def password(name: str, generate: bool, data: Path | None, **collector: Any) -> None:
    """
    Give a user another password, and end his sessions.

    It is asked for twice; where standard input is no terminal, it is one line of it.
    """
    from pylogtap_collector.cli.passwords import obtain_password, tell
    from pylogtap_collector.models import PasswordChange

    with open_desk(data, collector) as desk:
        found = _find(desk, name)
        new = obtain_password(generate=generate)
        desk.set_password(found["id"], checked(PasswordChange, new=new))
    tell(f"{found['name']} has another password, and is signed out everywhere", new if generate else None)


@user.command(cls=ExampleCommand, examples=("pylogtap user remove bob", "pylogtap user remove bob --yes"))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@desk_options
def remove(name: str, yes: bool, data: Path | None, **collector: Any) -> None:
    """Remove a user, with his roles, sessions and private searches. Keys that he made stay."""
    with open_desk(data, collector) as desk:
        found = _find(desk, name)
        if not yes:
            if not sys.stdin.isatty():
                raise WrongUsage(f"nobody can be asked here: pylogtap user remove {found['name']} --yes")
            if not click.confirm(f"Remove {found['name']} for good?", err=True):
                raise Failed("nothing was removed")
        desk.remove_user(found["id"])
    click.echo(f"{found['name']} is removed")


@user.command("sign-out", cls=ExampleCommand, examples=("pylogtap user sign-out bob",))
@click.argument("name")
@desk_options
def sign_out(name: str, data: Path | None, **collector: Any) -> None:
    """End all sessions of a user. He can sign in again; see `pylogtap user change --disable`."""
    with open_desk(data, collector) as desk:
        found = _find(desk, name)
        ended = desk.sign_out(found["id"])
    click.echo(f"{found['name']}: {ended} session{'' if ended == 1 else 's'} ended")


user.add_command(grant)
user.add_command(revoke)


def _find(desk: Desk, name: str) -> Item:
    folded = name.casefold()
    for each in desk.users(name):
        if str(each["name"]).casefold() == folded:
            return each
    raise Failed(f"there is no user {name}", remedies=("pylogtap user list",))


def _state(found: Item) -> str:
    return "disabled" if found["disabled"] else "active"


def _roles(found: Item) -> str:
    return ", ".join(f"{each['project']} ({each['role']})" for each in found["projects"])
