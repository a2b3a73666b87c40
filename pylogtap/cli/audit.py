"""`pylogtap audit`: show who did what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.options import list_option
from pylogtap.cli.sessions import open_api, person_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.cli.listing import Item

AUDIT = "/api/v1/audit"


@click.command(
    cls=ExampleCommand,
    short_help="Show who did what.",
    examples=(
        "pylogtap audit --since 1d",
        "pylogtap audit --project shop --action key. --as ada",
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
@person_options
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
    from pylogtap.cli.listing import moment, write_items

    columns: dict[str, Callable[[Item], Any]] = {
        "time": lambda entry: moment(entry["time"]),
        "who": lambda entry: entry["actor"] or entry["actor_kind"],
        "from": lambda entry: entry["address"],
        "action": lambda entry: entry["action"],
        "project": lambda entry: entry["project"],
        "target": lambda entry: entry["target"],
        "more": _more,
    }
    with open_api(**collector) as api:
        entries = api.items(AUDIT, limit, project=project, actor=actor, action=action, since=since)
        write_items(form, entries, columns)


def _more(entry: Item) -> str:
    return " ".join(f"{name}={_word(value)}" for name, value in entry["detail"].items())


def _word(value: Any) -> str:
    """Return a value as JSON has it, without the marks around texts and lists."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(map(_word, value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
