"""`pylogtap audit`: show who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.options import collector_options, list_option

if TYPE_CHECKING:
    from pylogtap.cli.listing import Item

AUDIT = "/api/v1/audit"


@click.command(
    cls=ExampleCommand,
    short_help="Show who did what.",
    examples=(
        "pylogtap audit --since 1d",
        "pylogtap audit --project shop --action key.",
        "pylogtap audit --actor ada --format json | jq .action",
    ),
)
@click.option("--project", metavar="P", help="What was done in this project alone.")
@click.option("--actor", metavar="NAME", help="What this user or key did.")
@click.option("--action", metavar="TEXT", help="What was done, or how it begins: `key.`, `user.create`.")
@click.option("--since", metavar="TIME", help="From then on: 15m, 1h, 2d, now-1h or an RFC 3339 time.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="How many."
)
@list_option
@collector_options
def audit(
    project: str | None,
    actor: str | None,
    action: str | None,
    since: str | None,
    limit: int,
    form: str,
    **collector: Any,
) -> None:
    """
    Show what was done to users, keys, roles and data, and by whom; the newest first.

    It takes a key that administers; one that manages a project sees what was done there. Passwords and keys
    are never in it.
    """
    from pylogtap.cli.api import Api
    from pylogtap.cli.listing import moment, write_items
    from pylogtap.settings import load

    settings = load(**collector)
    entries = Api(settings.url, settings.key).items(
        AUDIT, limit, project=project, actor=actor, action=action, since=since
    )
    write_items(
        form,
        entries,
        {
            "time": lambda entry: moment(entry["time"]),
            "who": lambda entry: entry["actor"] or entry["actor_kind"],
            "from": lambda entry: entry["address"],
            "action": lambda entry: entry["action"],
            "project": lambda entry: entry["project"],
            "target": lambda entry: entry["target"],
            "more": _more,
        },
    )


def _more(entry: Item) -> str:
    return " ".join(f"{name}={value}" for name, value in entry["detail"].items())
