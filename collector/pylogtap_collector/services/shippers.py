"""Which places ship records by our own client, and from which hosts: so that nothing is stored twice."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pylogtap_collector.containers.echoes import Shipped
from pylogtap_collector.query import query_of
from pylogtap_collector.query.ast import And, Compare, Has, Not, Or
from pylogtap_collector.storage import logs, streams
from pylogtap_collector.storage.logs import Selection
from pylogtap_collector.taps.entries import segment_name
from pylogtap_collector.wire import Definitions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.models import Log
    from pylogtap_collector.query.ast import Node
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.logs import Found
    from pylogtap_collector.storage.tiers import Tiers
    from pylogtap_collector.wire import Place

_MOST = 20_000  # places that are known; beyond, those of new hosts are not
_MOST_RECORDS = 20_000  # of one stretch of time
_FROM_A_LOG = "container.id"  # the attribute of records that were read from a container's log


class Shippers:
    """Remembers where clients of ours deliver from."""

    def __init__(self, engine: Engine, tiers: Tiers) -> None:
        """
        Bind what it needs; :meth:`load` reads what is known.

        Args:
            engine: The database.
            tiers: Where records are.
        """
        self._engine = engine
        self._tiers = tiers
        self._places: defaultdict[str, set[Place]] = defaultdict(set)
        self._count = 0

    async def load(self) -> None:
        """Read who delivered before."""
        for payloads in await self._engine.read(streams.definitions_of_clients):
            self.notice(payloads)

    def notice(self, payloads: Iterable[bytes]) -> None:
        """
        Hear of definitions that a client has delivered.

        Args:
            payloads: Of one slice.
        """
        found = Definitions()
        for payload in payloads:
            found.add(payload)
        host = _host(found.process.host or "")
        known = self._places[host]
        for place in found.places.values():
            if place not in known and self._count < _MOST:
                known.add(place)
                self._count += 1

    async def shipped(self, container: Container, since_ns: int, until_ns: int) -> Sequence[Shipped] | None:
        """
        Return the records that processes of a container have shipped; see `ShippedRecords`.

        Args:
            container: Which.
            since_ns: From when on, ns since the epoch.
            until_ns: Until when.
        """
        places = self._places_of(container)
        if not places:
            return None
        selection = Selection(query_of(_condition(places)), since_ns, until_ns)

        def read(connection: sqlite3.Connection) -> list[Found]:
            return logs.page(self._tiers, connection, selection, "asc", _MOST_RECORDS)

        found = await self._engine.read(read)
        return [Shipped(each.time_ns, each.log.message, _exception(each.log)) for each in found]

    def _places_of(self, container: Container) -> set[Place]:
        """Return the places at which clients in a container may deliver: its own, and those of its host."""
        host = _host(container.hostname or container.id[:12])
        everywhere = {place for places in self._places.values() for place in places}
        own = {place for place in everywhere if place == container.place or place.instance == host}
        return own | self._places.get(host, set())


def _host(name: str) -> str:
    """Return a host's name as our client writes it."""
    return segment_name(name.partition(".")[0], "")


def _condition(places: Iterable[Place]) -> Node:
    at = [
        And(tuple(Compare(field, "=", getattr(place, field)) for field in ("project", "service", "instance")))
        for place in sorted(places)
    ]
    return And((Or(tuple(at)), Not(Has(_FROM_A_LOG))))


def _exception(log: Log) -> str:
    """Return type and message, as the last line of a traceback has them."""
    if log.exception is None:
        return ""
    kind, text = log.exception.type, log.exception.message
    return f"{kind}: {text}" if text else kind
