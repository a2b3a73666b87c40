"""Containers and readings as tests of the arithmetic need them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.containers.model import Container
from pylogtap_collector.containers.readings import Reading, read_stats
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.taps.entries import Point

DATA = Path(__file__).resolve().parents[1] / "data" / "containers"
DOCKER = "docker-20.10-cgroupv1-stats"
PODMAN = "podman-4.3-cgroupv1-stats"
DERIVED = "derived-cgroupv2-stats"
ID = "a0c873b4d78b98f3fd6494690a0cc67db32174f84f76558d52dfc6da6abd8176"
NOW_NS = 1_795_400_000_000_000_000


def container(**changes: Any) -> Container:
    """Return a running container."""
    known: dict[str, Any] = {
        "id": ID,
        "name": "shop-web-1",
        "place": Place("shop", "web", "web-1"),
        "running": True,
        "tty": False,
        "pid": 77,
        "started_at": "2026-11-23T02:08:40.248164814Z",
        "log_driver": "json-file",
        "cpus": None,
        "host_network": False,
        "shares_network": None,
        "restart_count": 0,
        "labels": {},
    }
    return Container(**{**known, **changes})


def answers(name: str) -> list[dict[str, Any]]:
    """Return the recorded answers of a file."""
    found = json.loads((DATA / f"{name}.json").read_text())
    return found if isinstance(found, list) else [found]


def readings(name: str, of: Container | None = None) -> list[Reading]:
    """Return what a file's answers are read as, without those that are no samples."""
    found = (read_stats(of or container(), answer, NOW_NS) for answer in answers(name))
    return [reading for reading in found if reading is not None]


def values(points: Iterable[Point]) -> dict[str, float]:
    """Return values by metric; the direction follows a dot."""
    return {".".join([point.name, *(value for _, value in point.labels)]): point.value for point in points}
