"""`pylogtap query`: search the records."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import QueryCommand
from pylogtap.cli.options import collector_options, format_option, range_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.api import Api

LOGS = "/api/v1/logs"
PAGE = 1000  # the most that the API gives at once


@click.command(
    cls=QueryCommand,
    short_help="Search the records.",
    examples=(
        "pylogtap query 'level:>=warning service:checkout \"card declined\"' --since 1h",
        "pylogtap query order:1042 --format json | jq .message",
        "pylogtap query 'declined -user.id:42' --count",
    ),
)
@click.argument("query", nargs=-1)
@range_options
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest that match."
)
@click.option("--count", "only_count", is_flag=True, help="Print how many match, and nothing else.")
@format_option("pretty")
@collector_options
def query(
    query: tuple[str, ...],
    since: str | None,
    until: str | None,
    limit: int,
    form: str,
    *,
    only_count: bool,
    **collector: Any,
) -> None:
    """
    Search the records, and print what is found, oldest first.

    QUERY is made of words, "phrases" and field:value; see docs/reference/query-language.md.
    """
    from pylogtap.cli.api import Api
    from pylogtap.cli.formats import open_writer
    from pylogtap.settings import load

    settings = load(**collector)
    api = Api(settings.url, settings.key)
    if only_count:
        click.echo(api.get(f"{LOGS}/count", q=" ".join(query), since=since, until=until)["total"])
        return
    found = list(pages(api, " ".join(query), order="desc", limit=limit, since=since, until=until))
    writer = open_writer(form)
    for log in reversed(found):
        writer.write(log)
    if sys.stderr.isatty():
        _tell_count(len(found), limit)


def _tell_count(found: int, limit: int) -> None:
    """Tell people what an empty or a full screen means."""
    if not found:
        click.secho("no records match", err=True, dim=True)
    elif found == limit:
        click.secho(f"the newest {found}; -n shows more", err=True, dim=True)


def pages(
    api: Api, text: str, *, order: str, limit: int | None = None, **bounds: str | None
) -> Iterator[dict[str, Any]]:
    """
    Yield what a query finds, page by page.

    Args:
        api: The collector.
        text: The query.
        order: `asc` or `desc`, by time.
        limit: The most to yield; None: all.
        bounds: `since` and `until`.
    """
    cursor: str | None = None
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        page = api.get(LOGS, q=text, order=order, limit=size, cursor=cursor, **bounds)
        items = page.get("items", [])
        yield from items
        left = None if left is None else left - len(items)
        cursor = page.get("next")
        if not cursor:
            return
