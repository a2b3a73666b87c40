"""Read back the values of metrics that a client has kept, straight from its segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgpack

from pylogtap import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap.spool import Spool


@dataclass(frozen=True)
class Measured:
    """
    What was read at one time.

    Attributes:
        time_ns: When.
        place: The prefix.
        samples: Name, value, unit, kind and labels of each.
    """

    time_ns: int
    place: str
    samples: list[tuple[Any, ...]]

    def value(self, name: str, **labels: str) -> float:
        """Return the one value of a metric."""
        (found,) = (each for each in self.samples if each[0] == name and (each[4] or {}) == labels)
        value: float = found[1]
        return value

    @property
    def names(self) -> set[str]:
        """The names of the metrics."""
        return {each[0] for each in self.samples}


def measured(spool: Spool) -> list[Measured]:
    """Return what was measured and waits in a spool, oldest first."""
    frames: list[bytes] = []
    for segment in [*spool.full, spool.current]:
        body = segment.memory[wire.HEADER_SIZE : spool.reserved_end(segment)]
        frames += [payload for _, payload in wire.split_frames(body, wire.HEADER_SIZE, segment.salt)[0]]
    return read_measured(frames)


def read_measured(payloads: Iterable[bytes]) -> list[Measured]:
    """Return what payloads tell that was measured."""
    items = (msgpack.unpackb(each, strict_map_key=False) for each in payloads)
    return [
        Measured(item[2], item[3], [tuple(each) for each in item[4]])
        for item in items
        if item[:2] == [0, wire.KIND_SAMPLES]
    ]
