"""How it goes with an engine and its containers, and who is told which there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.containers.model import Container
    from pylogtap_collector.wire import Place

LogState = Literal["begins", "followed", "ended", "full", "unreadable", "delivered", "failed", "gone"]


class Measures(Protocol):
    """Measures containers."""

    def follow(self, container: Container) -> None:
        """Measure a container from now on, or go on with what is known of it now."""

    def forget(self, container_id: str) -> None:
        """Measure a container no longer."""


@dataclass(frozen=True, slots=True)
class Followed:
    """
    A container, and how it goes.

    Attributes:
        id: All 64 hex digits.
        name: Its name.
        place: Where its records stand.
        running: Whether it runs.
        health: As its check last said; empty: it has none.
        log: What goes on with its log.
        error: What went wrong last with its log; empty: nothing.
    """

    id: str
    name: str
    place: Place
    running: bool
    health: str
    log: LogState
    error: str


@dataclass(frozen=True, slots=True)
class WatchState:
    """
    How it goes.

    Attributes:
        address: Of the engine.
        reachable: It answers.
        version: Of it; empty: it never answered.
        error: Why it does not answer; empty: it does.
        containers: All that are followed.
    """

    address: str
    reachable: bool
    version: str
    error: str
    containers: Sequence[Followed]
