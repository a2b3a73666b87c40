"""What programs print, turned into records in the spool: for `pipe` and `run`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from pylogtap import client as clients
from pylogtap import wire
from pylogtap.record import shorten_stack
from pylogtap.text import LineParser
from pylogtap.writer import Site

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pylogtap.prefix import Prefix
    from pylogtap.settings import Settings
    from pylogtap.text import ParsedRecord

IDLE_S = 0.2  # a record whose further lines have not come by then is whole
_SECOND_NS = 1_000_000_000
_INFO = 9  # OpenTelemetry severity of lines that say nothing of their level
_FULL, _ROOM = 0.75, 0.5  # shares of the spool: wait from the one to the other
_WAIT_S = 0.02
_PATIENCE_S = 5.0


class Keeper:
    """
    Keeps records in this process's spool, from which they are delivered.

    Attributes:
        records: How many it has kept.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Open the spool.

        Args:
            settings: Where to deliver, and where to keep it until then.
        """
        self.records = 0
        self._settings = settings
        self._client = clients.obtain(settings)

    def keep(self, records: Iterable[ParsedRecord], extra: Mapping[str, Any]) -> None:
        """
        Keep records.

        Args:
            records: From a parser.
            extra: Fields that each of them gets beside its own.
        """
        for record in records:
            self.records += 1
            site = Site(
                template=record.message,
                line=0,
                level=0,
                logger=record.logger or "",
                file="",
                place=str(record.prefix),
                severity=record.severity or _INFO,
                level_name=record.level or "info",
                function="",
                style=wire.STYLE_TEXT,
            )
            more: dict[str, Any] = {}
            if record.exception is not None:
                stack = shorten_stack(record.exception["stacktrace"])
                more[wire.MORE_EXCEPTION] = {**record.exception, "stacktrace": stack}
            when = record.arrived_ns if record.time_ns is None else record.time_ns
            if not when % _SECOND_NS and 0 <= record.arrived_ns - when < _SECOND_NS:
                when = (
                    record.arrived_ns
                )  # the same second, and finer: else lines of it would lose their order
            self._client.emit(site, when, {**record.fields, **extra}, more)

    def make_room(self) -> None:
        """Wait while the spool is nearly full and the collector takes from it: a file is read faster."""
        spool, size = self._client.spool, self._settings.spool_max_bytes
        if spool.unsent_bytes() < size * _FULL:
            return
        least, deadline = spool.unsent_bytes(), time.monotonic() + _PATIENCE_S
        while (unsent := spool.unsent_bytes()) > size * _ROOM and time.monotonic() < deadline:
            if unsent < least:
                least, deadline = unsent, time.monotonic() + _PATIENCE_S
            time.sleep(_WAIT_S)

    def finish(self, *, tell: bool, others: bool = False) -> bool:
        """
        Deliver what is left, within the time for it.

        Args:
            tell: Also say it where everything has arrived.
            others: Deliver as well what processes left that did not come to it themselves.

        Returns:
            Whether every record has arrived, or will.
        """
        patience_s = self._settings.exit_timeout_s * 2
        if self._client.flush(patience_s, give_up_early=True) and others:
            self._client.adopt(patience_s)
            self._client.flush(patience_s, give_up_early=True)  # the last words of a fatal signal
        stats = self._client.stats()
        lost = sum(stats.dropped.values())
        sentences = []
        if tell and stats.shipped:
            sentences.append(f"{stats.shipped:,} records delivered to {self._settings.url}")
        if stats.spooled:
            why = f" ({stats.last_error})" if stats.last_error else ""
            sentences.append(
                f"{stats.spooled:,} records wait in {stats.directory}{why}; pylogtap drain delivers them"
            )
        if lost:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in stats.dropped.items())
            sentences.append(f"{lost:,} records are lost: {reasons}")
        for sentence in sentences:
            click.echo(f"pylogtap: {sentence}", err=True)
        return not lost


class Output:
    """One stream of a program."""

    def __init__(self, keeper: Keeper, prefix: Prefix, project: str | None = None, **extra: Any) -> None:
        """
        Begin to read a stream.

        Args:
            keeper: Gets the records.
            prefix: Of lines that do not say where they come from.
            project: Of services that a runner names.
            extra: Fields that each of its records gets.
        """
        self._keeper, self._parser, self._extra = keeper, LineParser(prefix, project), extra

    def take(self, chunk: bytes) -> None:
        """Keep the records that a chunk completes."""
        self._keeper.keep(self._parser.feed(chunk), self._extra)

    def pause(self) -> None:
        """Keep what has waited long enough for further lines."""
        self._keeper.keep(self._parser.flush_older_than(IDLE_S), self._extra)

    def end(self) -> None:
        """Keep what is left."""
        self._keeper.keep(self._parser.flush(), self._extra)
