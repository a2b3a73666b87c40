"""Read back what a client has kept, straight from its segments: no collector, no thread, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack

from pylogtap import wire

if TYPE_CHECKING:
    from pylogtap.spool import Spool

DEAD_URL = "http://127.0.0.1:9"  # the discard port: nobody answers


@dataclass
class Kept:
    """One record as it would reach a collector."""

    prefix: str
    logger: str
    severity: int
    level: str
    template: str | None
    file: str
    line: int
    function: str
    style: int
    time: float | int
    args: Any
    fields: dict[str, Any]
    more: dict[str, Any] = field(default_factory=dict)
    thread: str | None = None

    @property
    def message(self) -> str:
        """The finished message, as a collector renders it."""
        if wire.MORE_MESSAGE in self.more:
            return str(self.more[wire.MORE_MESSAGE])
        if self.style == wire.STYLE_TEXT:
            return str(self.args)
        template = str(self.template)
        if self.style != wire.STYLE_PERCENT or not self.args:
            return template
        try:
            return template % tuple(self.args)
        except (TypeError, ValueError, KeyError):
            return f"{template} {tuple(self.args)!r}"


def kept(spool: Spool) -> list[Kept]:
    """Return the records that wait in a spool, oldest first."""
    records: list[Kept] = []
    for segment in [*spool.full, spool.current]:
        body = segment.memory[wire.HEADER_SIZE : spool.reserved_end(segment)]
        frames, _ = wire.split_frames(body, wire.HEADER_SIZE, segment.salt)
        records += _decoded([msgpack.unpackb(payload, strict_map_key=False) for _, payload in frames])
    return records


def losses(spool: Spool) -> dict[str, int]:
    """Return the losses that a spool's segments tell of."""
    told: dict[str, int] = {}
    for segment in [*spool.full, spool.current]:
        body = segment.memory[wire.HEADER_SIZE : spool.reserved_end(segment)]
        for _, payload in wire.split_frames(body, wire.HEADER_SIZE, segment.salt)[0]:
            item = msgpack.unpackb(payload, strict_map_key=False)
            if item[:2] == [0, wire.KIND_LOSS]:
                for reason, count in item[4].items():
                    told[reason] = told.get(reason, 0) + count
    return told


def _decoded(items: list[list[Any]]) -> list[Kept]:
    places: dict[int, str] = {}
    sites: dict[int, list[Any]] = {}
    threads: dict[int, str] = {}
    records: list[Kept] = []
    for item in items:
        if item[0]:
            records.append(_record(item, sites[item[0]], places, threads))
        elif item[1] == wire.KIND_PLACE:
            places[item[2]] = item[3]
        elif item[1] == wire.KIND_SITE:
            sites[item[2]] = item[3:]
        elif item[1] == wire.KIND_THREAD:
            threads[item[2]] = item[4]
    return records


def _record(item: list[Any], site: list[Any], places: dict[int, str], threads: dict[int, str]) -> Kept:
    place, logger, severity, level, template, file, line, function, style = site
    more = item[4] if len(item) > 4 else {}
    return Kept(
        places[place], logger, severity, level, template, file, line, function, style,
        item[1], item[2], item[3] or {}, more, threads.get(more.get(wire.MORE_THREAD, 0)),
    )  # fmt: skip
