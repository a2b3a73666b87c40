"""`pylogtap user grant` and `revoke`: roles in projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap_collector.cli.desks import desk_options, open_desk

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.models import Role

ROLES = ("viewer", "editor", "admin")


@click.command(cls=ExampleCommand, examples=("pylogtap user grant bob shop viewer",))
@click.argument("name")
@click.argument("project")
@click.argument("role", type=click.Choice(ROLES))
@desk_options
def grant(name: str, project: str, role: Role, data: Path | None, **collector: Any) -> None:
    """
    Give a user a role in a project, instead of the one he had.

    A viewer reads, an editor adds and annotates, an admin deletes and gives access.
    """
    with open_desk(data, collector) as desk:
        desk.check_project(project)
        desk.grant(project, name, role)
    click.echo(f"{name} is {role} of {project}")


@click.command(cls=ExampleCommand, examples=("pylogtap user revoke bob shop",))
@click.argument("name")
@click.argument("project")
@desk_options
def revoke(name: str, project: str, data: Path | None, **collector: Any) -> None:
    """Take a user's role in a project away."""
    with open_desk(data, collector) as desk:
        desk.withdraw(project, name)
    click.echo(f"{name} has no role in {project} any more")
