"""Whether the collector lives, whether it can store, and what it has counted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pylogtap.version import __version__
from pylogtap_collector.models import Health as HealthReport
from pylogtap_collector.services import damage
from pylogtap_collector.storage import streams

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.services.bus import Bus
    from pylogtap_collector.services.counters import Counters
    from pylogtap_collector.services.keeper import Keeper
    from pylogtap_collector.services.tasks import Tasks
    from pylogtap_collector.storage.engine import Engine

OWN = "pylogtap_collector_"  # how the names of the collector's own metrics begin
_HOUR_NS = 3_600_000_000_000
_METRICS = {  # name: type, help, https://prometheus.io/docs/instrumenting/exposition_formats/
    "slices": ("counter", "Slices stored."),
    "records": ("counter", "Records acknowledged."),
    "stored_bytes": ("counter", "Bytes of slices stored."),
    "repeated_bytes": ("counter", "Bytes that came again and were not stored again."),
    "rewinds": ("counter", "Slices answered by an earlier offset."),
    "damaged": ("counter", "Damaged frames."),
    "refused": ("counter", "Slices refused because too much waited."),
    "sealed": ("counter", "Records sealed into blocks."),
    "tail_skipped": ("counter", "Records that readers of the tail were too slow for."),
    "expired": ("counter", "Records that were removed because they were not to be kept any longer."),
    "dropped": ("counter", "Records that programs have said they had to drop."),
    "points": ("counter", "Points of metrics stored."),
    "points_dropped": ("counter", "Points of metrics that could not be stored."),
    "test_runs": ("counter", "Test runs stored."),
    "test_cases": ("counter", "Cases of test runs stored."),
    "port_stored": ("counter", "Records stored that came by the ports of other protocols."),
    "port_refused": ("counter", "Records refused there, of projects for which the key is not good."),
    "port_skipped": ("counter", "Messages and datagrams there that could not be read."),
    "port_lost": ("counter", "Records lost there: datagrams without room, or what was left at the end."),
    "port_turned_away": ("counter", "Connections and datagrams there of those who may not deliver."),
    "port_connections": ("counter", "Connections accepted there."),
    "commits": ("counter", "Transactions."),
    "unsealed": ("gauge", "Records that are in no block."),
    "followers": ("gauge", "Readers of the tail."),
    "clock_skew_seconds": ("gauge", "Largest difference of a sender's clock to ours within the last hour."),
    "task_restarts": ("counter", "Restarts of background tasks."),
    "up": ("gauge", "Whether records can be stored."),
}


class Health:
    """Answers those who watch over the collector."""

    def __init__(self, engine: Engine, keeper: Keeper, bus: Bus, tasks: Tasks, counters: Counters) -> None:
        """
        Bind what it reports on.

        Args:
            engine: The database.
            keeper: What is in no block.
            bus: Who follows.
            tasks: The background tasks.
            counters: The counts.
        """
        self._engine = engine
        self._keeper = keeper
        self._bus = bus
        self._tasks = tasks
        self._counters = counters

    @property
    def _folder(self) -> Path | None:
        path = self._engine.path
        return None if path is None or self._engine.read_only else path.parent

    async def alive(self) -> HealthReport:
        """Tell that the event loop answers, and nothing else: what restarts processes asks this."""
        return HealthReport(status="ok", version=__version__)

    async def ready(self) -> HealthReport:
        """Tell whether records can be stored and searched, by trying it."""
        reasons = []
        try:
            if not self._engine.read_only:
                await self._engine.write(streams.prove_writable, urgent=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            reasons.append(str(error))
        if self._engine.fault is not None and not reasons:
            reasons.append(self._engine.fault)
        states = self._tasks.states()
        reasons += [
            f"the task {state.name} does not run: {state.last_error}" for state in states if not state.running
        ]
        return HealthReport(
            status="failing" if reasons else "ok",
            version=__version__,
            reasons=reasons,
            notices=await asyncio.to_thread(damage.notices, self._folder),
            tasks=states,
            dropped=self._counters.dropped,
        )

    async def metrics(self) -> str:
        """Return the counts in Prometheus' text format."""
        values: dict[str, float] = {
            name: getattr(self._counters, name)
            for name in self._counters.__dataclass_fields__
            if name != "ports"
        }
        ports = self._counters.ports
        values |= {f"port_{name}": getattr(ports, name) for name in ports.__dataclass_fields__}
        skews = await self._engine.read(
            lambda connection: streams.clock_skews(connection, time.time_ns() - _HOUR_NS)
        )
        values |= {
            "commits": self._engine.commits,
            "unsealed": self._keeper.unsealed,
            "followers": self._bus.followers,
            "clock_skew_seconds": max(map(abs, skews), default=0) / 1e9,
            "task_restarts": sum(state.restarts for state in self._tasks.states()),
            "up": int(self._engine.fault is None),
        }
        lines = []
        for name, (kind, text) in _METRICS.items():
            full = f"{OWN}{name}" + ("_total" if kind == "counter" else "")
            lines += [f"# HELP {full} {text}", f"# TYPE {full} {kind}", f"{full} {values[name]}"]
        return "\n".join(lines) + "\n"
