"""
What becomes of containers: from the engine's events, and from its list where events were missed.

Events in their order on an engine (Docker 20.10): an out-of-memory kill of the main process is `oom`, then
`die`; of another process `oom` alone; a stop on request is `kill`, maybe again, `die`, `stop`; an engine that
goes tells nothing, and when it is back the container has another time of start.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pylogtap_collector.containers.happenings import ENGINE, HEALTH, USER, Happening, moment
from pylogtap_collector.containers.known import SOME_SIGNAL, Known
from pylogtap_collector.containers.model import is_wanted, place_of_container
from pylogtap_collector.taps.entries import Point
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from pylogtap_collector.containers.happenings import Event
    from pylogtap_collector.containers.model import Container

_RESTARTED_NS = 1_000_000_000  # Docker says `restart` right after the start
_SHUTDOWN_NS = 30_000_000_000  # an engine that ends waits for its containers
_BEFORE_AND_AFTER = frozenset({"create", "init", "start", "destroy", "remove"})  # of what does not run


class Lifecycle:
    """
    Follows what becomes of containers.

    Attributes:
        known: All containers that are there, by id.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.known: dict[str, Known] = {}

    def restore(self, container_id: str, text: str) -> None:
        """Take up what was known of a container; what cannot be read is forgotten."""
        try:
            raw = json.loads(text)
            self.known[container_id] = Known(**{**raw, "place": tuple(raw["place"])})
        except (ValueError, TypeError, KeyError, RecursionError):
            return

    def text(self, container_id: str) -> str:
        """Return what is known of a container, to be stored; empty: it is gone."""
        known = self.known.get(container_id)
        return json.dumps(asdict(known), separators=(",", ":")) if known else ""

    def lose_engine(self, now_ns: int) -> None:
        """
        The engine has gone away, and what it does meanwhile is not told.

        Args:
            now_ns: The present.
        """
        for known in self.known.values():
            known.engine_lost = True
            if not known.running and known.cause == USER and now_ns < known.ended_ns + _SHUTDOWN_NS:
                known.cause = ENGINE  # it was the engine that asked it to end, on its own way out

    def keep_engine(self) -> None:
        """It was only the connection: the engine still knows what it told last."""
        for known in self.known.values():
            known.engine_lost = False

    def health_points(self, now_ns: int) -> list[Point]:
        """Return how the containers are that have a check."""
        return [
            Point(Place(*known.place), HEALTH, float(known.health == "healthy"), now_ns)
            for known in self.known.values()
            if known.running and known.health in {"healthy", "unhealthy"}
        ]

    def take(self, event: Event) -> list[Happening]:
        """
        Return what an event tells.

        Args:
            event: The engine's next one.
        """
        if not is_wanted(event.attributes):
            return []
        known = self.known.get(event.container_id)
        if known is None:
            known = Known(event.name, place_of_container(event.name, event.attributes))
            known.running = event.action not in _BEFORE_AND_AFTER
            self.known[event.container_id] = known
        known.event_ns = event.time_ns
        return self._act(known, event)

    def _act(self, known: Known, event: Event) -> list[Happening]:
        container_id, time_ns = event.container_id, event.time_ns
        subject = known.subject(container_id)
        match event.action:
            case "start":
                return known.start(container_id, time_ns)
            case "die":
                return known.end(container_id, time_ns, event.exit_code)
            case "oom":
                return known.run_out_of_memory(container_id, time_ns)
            case "kill":
                known.signal, known.signal_ns = event.attributes.get("signal") or SOME_SIGNAL, time_ns
            case "restart" if known.running and time_ns > known.started_ns + _RESTARTED_NS:
                known.signal, known.signal_ns = SOME_SIGNAL, time_ns  # Podman says so before the end
            case "health_status" if event.detail and event.detail != known.health:
                before, known.health = known.health, event.detail
                return [subject.health_changed(time_ns, known.health, before)]
            case "pause" | "unpause":
                known.paused = event.action == "pause"
                text = "is paused" if known.paused else "goes on"
                return [subject.tell(time_ns, f"container.{event.action}d", text)]
            case "rename":
                return _renamed(known, event)
            case "destroy" | "remove":
                del self.known[container_id]
                return [subject.tell(time_ns, "container.removed", "is removed")]
        return []

    def tick(self, now_ns: int) -> list[Happening]:
        """
        Return the kills for lack of memory that no end of the main process followed.

        Args:
            now_ns: The present, by the engine's clock.
        """
        return [each for key, known in self.known.items() for each in known.settle_ooms(key, now_ns)]

    def adopt(self, container: Container) -> None:
        """Take a container for known as it is now, without a word."""
        known = self.known.setdefault(container.id, Known(container.name, container.place))
        known.name, known.place = container.name, container.place
        known.running, known.paused, known.health = container.running, container.paused, container.health
        known.started_ns, known.ended_ns = moment(container.started_at, 0), moment(container.finished_at, 0)
        if known.running and known.ended_ns < known.started_ns:
            known.before_ns = known.ended_ns
        known.engine_lost = False

    def note_start(self, container: Container) -> None:
        """Know the time of a start as the engine knows it; the event that tells it comes a little later."""
        known = self.known.get(container.id)
        if known is not None and known.running and container.running:
            known.started_ns = moment(container.started_at, known.started_ns)

    def agrees(self, listed: Mapping[str, Any]) -> bool:
        """
        Tell whether a container is known to be as the engine's short list has it.

        Args:
            listed: As `GET /containers/json` has it.
        """
        known = self.known.get(str(listed.get("Id")))
        if known is None:
            return False
        status = str(listed.get("Status") or "")
        health = next((each for each in ("unhealthy", "healthy") if f"({each})" in status), known.health)
        running = listed.get("State") in {"running", "paused"}
        return (known.running, known.health) == (running, health)

    def compare(self, container: Container, now_ns: int) -> list[Happening]:
        """
        Return what has happened that no event has told.

        Args:
            container: As the engine's list has it; nothing was told of it since.
            now_ns: The present.
        """
        known = self.known.get(container.id)
        if known is None:
            known = self.known[container.id] = Known(container.name, container.place)
        known.name, known.place = container.name, container.place
        subject, found = known.subject(container.id), []
        if known.running and not container.running:
            ended_ns = moment(container.finished_at, now_ns)
            if container.oom_killed and not known.ooms:
                known.ooms.append(ended_ns)
            found = known.end(container.id, ended_ns, container.exit_code)
        elif container.running and (at := moment(container.started_at, now_ns)) > known.ended_ns:
            found = known.start(container.id, at)
        if container.running and container.health != known.health and container.health:
            found.append(subject.health_changed(now_ns, container.health, known.health))
        self.adopt(container)
        return found

    def remove_others(self, there: Iterable[str], now_ns: int) -> list[Happening]:
        """
        Return those that are gone, without an event that told it.

        Args:
            there: Ids of all containers that the engine has.
            now_ns: The present.
        """
        gone = [(each, self.known.pop(each)) for each in set(self.known) - set(there)]
        return [
            known.subject(container_id).tell(now_ns, "container.removed", "is removed")
            for container_id, known in gone
        ]


def _renamed(known: Known, event: Event) -> list[Happening]:
    before, known.name = known.name, event.name
    known.place = place_of_container(event.name, event.attributes)
    if before == known.name or before.partition("_")[2] == known.name:  # compose, when it makes one anew
        return []
    text = f"has this name now; it was {before}"
    return [known.subject(event.container_id).tell(event.time_ns, "container.renamed", text, before=before)]
