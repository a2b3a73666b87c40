"""What programs print, turned into records in the spool: for `pipe` and `run`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from pylogtap import client as clients
from pylogtap import wire
from pylogtap.record import shorten_stack
from pylogtap.spool import MEMORY_BYTES
from pylogtap.text import LineParser
from pylogtap.writer import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pylogtap.client import Client
    from pylogtap.prefix import Prefix
    from pylogtap.settings import Settings
    from pylogtap.text import ParsedRecord

IDLE_S = 0.2  # a record whose further lines have not come by then is whole
_SECOND_NS = 1_000_000_000
_INFO = 9  # OpenTelemetry severity of lines that say nothing of their level
_BUSY_S = 1.0  # the same, of a source that is silent among others that are not
_FULL, _ROOM = 0.75, 0.5  # shares of the spool: wait from the one to the other
_WAIT_S = 0.02
_PATIENCE_S = 30.0  # with a collector that is at work, and has taken nothing yet
_LITTLE_PATIENCE_S = 5.0  # with one that does not answer, or refuses
_LOOK_EACH = 64  # records between two looks at the room that is left


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
        most = settings.spool_max_bytes
        if self._client.memory_reason is not None:
            most = min(most, MEMORY_BYTES)
        self._room = max(2, most // wire.MAX_SEGMENT_BYTES) * wire.MAX_SEGMENT_BYTES
        self._stuck_at: int | None = None  # unsent bytes when the collector was last seen to take nothing

    @property
    def client(self) -> Client:
        """Delivers what is kept."""
        return self._client

    def keep(self, records: Iterable[ParsedRecord], extra: Mapping[str, Any]) -> None:
        """
        Keep records; wait for room while the collector makes some.

        Args:
            records: From a parser.
            extra: Fields that each of them gets beside its own.
        """
        if self._settings.disabled:
            return
        for record in records:
            if self.records % _LOOK_EACH == 0:
                self._make_room()
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

    def _make_room(self) -> None:
        """
        Wait while the spool is nearly full and the collector takes from it: a file is read faster.

        A collector that takes nothing is waited for once, not again before it takes something.
        """
        stuck_at, self._stuck_at = self._stuck_at, None
        if self._used() < self._room * _FULL:
            return
        least, since = self._client.spool.unsent_bytes(), time.monotonic()
        if stuck_at is not None and least >= stuck_at:
            self._stuck_at = least
            return
        while self._used() > self._room * _ROOM:
            unsent, now = self._client.spool.unsent_bytes(), time.monotonic()
            if unsent < least:
                least, since = unsent, now
            elif now > since + (_LITTLE_PATIENCE_S if self._client.last_error else _PATIENCE_S):
                self._stuck_at = unsent
                return
            time.sleep(_WAIT_S)

    def _used(self) -> int:
        """Return the bytes of the spool that are taken; a segment is free when all of it has arrived."""
        spool = self._client.spool
        spool.waiting()
        return len(spool.full) * wire.MAX_SEGMENT_BYTES + spool.reserved_end(spool.current)

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

    def __init__(
        self,
        keeper: Keeper,
        prefix: Prefix,
        project: str | None = None,
        *,
        listener: Callable[[bytes], None] | None = None,
        **extra: Any,
    ) -> None:
        """
        Begin to read a stream.

        Args:
            keeper: Gets the records.
            prefix: Of lines that do not say where they come from.
            project: Of services that a runner names.
            listener: Hears each chunk before it becomes records.
            extra: Fields that each of its records gets.
        """
        self._listener = listener
        self._keeper, self._parser, self._extra = keeper, LineParser(prefix, project), extra

    def take(self, chunk: bytes) -> None:
        """Keep the records that a chunk completes, and those of sources that have long been silent."""
        if self._listener is not None:
            self._listener(chunk)
        records = self._parser.feed(chunk)
        records += self._parser.flush_older_than(_BUSY_S)  # before keeping, which may wait for room
        self._keeper.keep(records, self._extra)

    def pause(self) -> None:
        """Keep what has waited long enough for further lines; there is nothing to read right now."""
        self._keeper.keep(self._parser.flush_older_than(IDLE_S), self._extra)

    def end(self) -> None:
        """Keep what is left."""
        self._keeper.keep(self._parser.flush(), self._extra)
