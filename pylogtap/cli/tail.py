"""`pylogtap tail`: watch records as they arrive."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import QueryCommand
from pylogtap.cli.options import collector_options, format_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.api import Api, Event
    from pylogtap.cli.formats import LogWriter

TAIL = "/api/v1/logs/tail"
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0


@click.command(
    cls=QueryCommand,
    short_help="Watch records as they arrive.",
    examples=(
        "pylogtap tail",
        "pylogtap tail 'level:>=warning project:shop'",
        "pylogtap tail service:checkout --format json | jq -r .message",
    ),
)
@click.argument("query", nargs=-1)
@click.option(
    "-n", "--lines", type=click.IntRange(0, 1000), default=20, show_default=True,
    help="Print the newest of what is there already first.",
)  # fmt: skip
@format_option("pretty")
@collector_options
def tail(query: tuple[str, ...], lines: int, form: str, **collector: Any) -> None:
    """
    Print the newest records, then each one that arrives, until Ctrl-C.

    When the collector is away, this waits for it and goes on where it was.
    """
    from pylogtap.cli.api import Api
    from pylogtap.cli.formats import open_writer
    from pylogtap.settings import load

    settings = load(**collector)
    follower = Follower(Api(settings.url, settings.key), " ".join(query), open_writer(form))
    try:
        follower.run(lines)
    except KeyboardInterrupt:
        if sys.stdout.isatty():
            click.echo()  # behind the ^C


class Follower:
    """Writes what arrives, each record once, over any number of connections."""

    def __init__(self, api: Api, text: str, writer: LogWriter) -> None:
        """
        Bind a query to a writer.

        Args:
            api: The collector.
            text: The query.
            writer: Gets the records.
        """
        self._api, self._text, self._writer = api, text, writer
        self._last: str | None = None  # id of the newest event, to go on behind it
        self._shown: set[int] = set()  # what the history had: it may come again as an event

    def run(self, lines: int) -> None:
        """
        Write some history, then follow until interrupted.

        The stream is opened before the history is read, so that nothing falls between the two.

        Args:
            lines: How much history.

        Raises:
            Failed: At the first connection; later ones are waited for.
        """
        with self._api.events(TAIL, {"q": self._text}, None) as events:
            self._history(lines)
            self._follow(events)
        wait_s = _FIRST_WAIT_S
        while True:
            wait_s = _FIRST_WAIT_S if self._reconnect() else min(_LONGEST_WAIT_S, wait_s * 2)
            time.sleep(wait_s)

    def _history(self, lines: int) -> None:
        if lines:
            page = self._api.get("/api/v1/logs", q=self._text, order="desc", limit=lines)
            for log in reversed(page.get("items", [])):
                self._write(log)
                self._shown.add(log["id"])
        if self._shown:
            self._last = str(max(self._shown))
        sys.stdout.flush()

    def _reconnect(self) -> bool:
        """Follow over a new connection, and tell whether there was one."""
        from pylogtap.cli.unreachable import Unreachable

        try:
            with self._api.events(TAIL, {"q": self._text}, self._last) as events:
                _note("connected again")
                self._follow(events)
        except Unreachable:
            return False
        return True

    def _follow(self, events: Iterator[Event]) -> None:
        import http.client

        try:
            for event in events:
                self._take(event)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, BrokenPipeError):  # ours: whoever reads this has seen enough
                raise
        _note("the connection ended; waiting for the collector")

    def _take(self, event: Event) -> None:
        if event.id:
            self._last = event.id
        document = json.loads(event.data)
        if "message" not in document or "id" not in document:  # a word of the stream itself
            if document.get("skipped"):
                _note(f"{document['skipped']} records left out: they came faster than they could be shown")
            return
        if document["id"] not in self._shown:
            self._write(document)
            sys.stdout.flush()

    def _write(self, log: dict[str, Any]) -> None:
        self._writer.write(log)


def _note(text: str) -> None:
    if sys.stderr.isatty():
        click.secho(f"── {text} ──", err=True, dim=True)
