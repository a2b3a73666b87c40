"""The way in for what our clients did not write: entries of other protocols, of containers, of this host."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.redact import Redactor
from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import local
from pylogtap_collector.services.segments import slices_of
from pylogtap_collector.storage.bookmarks import read_bookmarks
from pylogtap_collector.taps.entries import segment_name
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.services.ingest import Ingest
    from pylogtap_collector.services.preferences import Preferences
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.taps.entries import Entry

DEFAULT_PROJECT = "default"  # of those that say none; our client has the same
_MANY = 200  # entries: to write them takes longer than a thread takes to begin


@dataclass(frozen=True, slots=True)
class Refused:
    """
    An entry that was not taken.

    Attributes:
        index: Its place in what was given.
        reason: Why, and what to do.
    """

    index: int
    reason: str


class Taken(NamedTuple):
    """
    What became of entries.

    Attributes:
        stored: How many are stored now, those included that were before.
        refused: The others.
    """

    stored: int
    refused: Sequence[Refused] = ()


class Intake:
    """Stores entries durably, and with them how far their source was read."""

    def __init__(self, ingest: Ingest, engine: Engine, preferences: Preferences) -> None:
        """
        Bind what it needs.

        Args:
            ingest: The way in for slices.
            engine: The database.
            preferences: Know which keys name a secret, beyond those that always do.
        """
        self._ingest = ingest
        self._engine = engine
        self._preferences = preferences
        self._redactor = Redactor()

    async def take(
        self,
        entries: Sequence[Entry],
        visitor: Visitor,
        *,
        identity: bytes | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> Taken:
        """
        Store entries, all that may be; when this returns, they are on the disk.

        Args:
            entries: In their order.
            visitor: Who delivers them; those of projects that are not his are refused.
            identity: What tells this delivery from all others, over restarts; when it comes again, it is
                acknowledged and not stored twice. None: nothing does.
            marks: How far their sources were read, by source; stored with them, in the same transaction.

        Raises:
            Overloaded: Too much waits, or the disk cannot take it. Nothing is stored.
        """
        allowed = visitor.where(Right.DELIVER)
        good: Sequence[Entry] = entries
        refused: list[Refused] = []
        if allowed is not None:
            good = []
            for index, entry in enumerate(entries):
                if entry.place.project in allowed:
                    good.append(entry)
                else:
                    refused.append(Refused(index, _foreign(entry.place.project, allowed)))
        if good or marks:
            await self._store(good, identity, marks)
        return Taken(len(good), refused)

    async def _store(
        self, entries: Sequence[Entry], identity: bytes | None, marks: Mapping[str, str] | None
    ) -> None:
        self._redactor.extend(tuple(self._preferences.words.get("redact", ())))
        write = partial(slices_of, entries, _identities(identity), self._redactor, time.time_ns())
        made = await asyncio.to_thread(write) if len(entries) > _MANY else write()
        await self._ingest.add(made, marks=marks)

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """
        Return how far sources were read.

        Args:
            beginning: Of their names.
        """
        return await self._engine.read(partial(read_bookmarks, beginning=beginning))


def default_place(visitor: Visitor, service: str, instance: str) -> Place:
    """
    Return the place of entries that do not say theirs.

    Args:
        visitor: Who delivers them: whose key is for one project, means that.
        service: Name of the shipper.
        instance: Of the machine that it delivers from.
    """
    allowed = visitor.where(Right.DELIVER)
    project = next(iter(allowed)) if allowed is not None and len(allowed) == 1 else DEFAULT_PROJECT
    return Place(project, segment_name(service), segment_name(instance))


def _identities(identity: bytes | None) -> Iterator[bytes]:
    """Yield ids for segments: the same ones for the same identity, else new ones."""
    for number in count():
        if identity is None:
            yield os.urandom(16)
        else:
            yield hashlib.sha256(number.to_bytes(4, "big") + identity).digest()[:16]


def _foreign(project: str, allowed: frozenset[str]) -> str:
    own = ", ".join(sorted(allowed)) or "none"
    return f"the key is good for {own}, not for {project}: name another project, or take a key for it"


LOCAL = local("collector")  # what the collector itself finds may stand anywhere
