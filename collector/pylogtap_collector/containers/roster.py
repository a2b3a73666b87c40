"""The containers that are followed, each by a task of its own: one that breaks silences no other."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pylogtap_collector.containers.drivers import delivers_here
from pylogtap_collector.containers.history import Gates
from pylogtap_collector.containers.logs import Follower
from pylogtap_collector.containers.model import PREFIX_LABEL, is_prefix
from pylogtap_collector.containers.state import Followed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pylogtap_collector.containers.echoes import ShippedRecords
    from pylogtap_collector.containers.engine import Engine
    from pylogtap_collector.containers.model import Container, Sink

_LAST_WORDS_S = 10.0  # of a container that is removed

_log = logging.getLogger("pylogtap.collector")


class Roster:
    """Follows the logs of containers."""

    def __init__(
        self,
        engine: Engine,
        sink: Sink,
        shipped: ShippedRecords | None = None,
        own_ports: frozenset[int] = frozenset(),
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: Is connected when a container is followed.
            sink: Takes what is found.
            shipped: Knows what processes of containers ship themselves; None: nobody does.
            own_ports: On which this program takes what log drivers deliver.
        """
        self._engine, self._sink, self._shipped, self._own_ports = engine, sink, shipped, own_ports
        self._gates = Gates()
        self._followers: dict[str, tuple[Follower, asyncio.Task[None]]] = {}
        self._introduced: set[str] = set()  # outlives connections

    def follow(self, container: Container) -> None:
        """
        Follow a container's log, or tell its follower what has become of it.

        Args:
            container: As it is now.
        """
        if (found := self.follower(container.id)) is not None:
            found.wake(container)
            return
        delivered = delivers_here(container.log_address, self._own_ports, self._engine.address)
        if container.id not in self._introduced:
            self._introduced.add(container.id)
            _introduce(container, delivered=delivered)
        follower = Follower(
            self._engine, container, self._sink, self._gates, self._shipped, delivered=delivered
        )
        self._followers[container.id] = (follower, asyncio.create_task(follower.run()))

    def follower(self, container_id: str) -> Follower | None:
        """Return who follows a container; None: nobody does."""
        found = self._followers.get(container_id)
        return found[0] if found else None

    def others(self, there: Iterable[str]) -> list[str]:
        """Return the ids of containers that are followed, and are not among these."""
        return list(set(self._followers) - set(there))

    def end(self, container_id: str) -> None:
        """
        Follow a container no longer, when its last words are stored.

        Args:
            container_id: Of one that the engine has removed.
        """
        found = self._followers.get(container_id)
        if found is not None:
            found[0].leave()
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, self._drop, container_id, found[1])

    def _drop(self, container_id: str, task: asyncio.Task[None]) -> None:
        if self._followers.get(container_id, (None, None))[1] is task:
            task.cancel()
            del self._followers[container_id]
            self._introduced.discard(container_id)

    def followed(self, health: Mapping[str, str]) -> list[Followed]:
        """
        Return how the containers go.

        Args:
            health: By id.
        """
        found = []
        for follower, _ in self._followers.values():
            each = follower.container
            state = Followed(
                each.id,
                each.name,
                each.place,
                each.running,
                health.get(each.id, ""),
                follower.state,
                follower.error,
            )
            if follower.state != "gone":
                found.append(state)
        return sorted(found, key=lambda each: (each.place, each.name))

    async def close(self) -> None:
        """Follow nothing any longer."""
        tasks = [task for _, task in self._followers.values()]
        self._followers = {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _introduce(container: Container, *, delivered: bool) -> None:
    """Say once of a container what is not as one may think."""
    label = container.labels.get(PREFIX_LABEL)
    if label and not is_prefix(label):
        _log.warning(
            "container %s has the label %s=%r, which is no prefix; its records stand under %s. Write "
            "project/service or project/service/instance: each of letters, digits and . _ -, the first "
            "a letter or a digit, 63 at most",
            container.name,
            PREFIX_LABEL,
            label,
            "/".join(container.place),
        )
    if delivered:
        _log.info(
            "the log of container %s comes by its log driver %s, to %s, and so is not read as well",
            container.name,
            container.log_driver,
            container.log_address,
        )
