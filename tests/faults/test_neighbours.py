"""Those who share a process with logging: event loops, greenlets, a thread that never rests."""

from __future__ import annotations

import random
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.oracle import Verdict
from pylogtap_collector.proofs.proxy import CuttingProxy
from tests.faults.extent import often
from tests.faults.stage import Stage, finish

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import Saw

GREENLETS = 8  # as many as programs/greenlets.py has
MOST_LAG_MS = 1.0
MOST_TIMES = 5.0


class Sinks:
    """A collector that answers, and the same one when it is silent."""

    def __init__(self, folder: Path, collector: CollectorProcess, name: str) -> None:
        """Make a stage for each."""
        self.stages: dict[str, Stage] = {}
        self._proxies = []
        for kind in ("live", "silent"):
            proxy = CuttingProxy(("127.0.0.1", collector.port), random.Random(0), cut=0)
            proxy.silent = kind == "silent"
            self._proxies.append(proxy)
            (folder / kind).mkdir()
            self.stages[kind] = Stage(folder / kind, collector, f"{name}-{kind}", proxy.url)

    def recover(self) -> None:
        """Let everything answer."""
        for proxy in self._proxies:
            proxy.recover()


@often(150, 2000)
def test_greenlets(tmp_path: Path, shared_collector: CollectorProcess, saw: Saw, times: int) -> None:
    """No other greenlet runs within a logging call, whenever gevent replaced threads, and nothing is lost."""
    if find_spec("gevent") is None:
        pytest.skip("gevent is not installed: `pip install gevent`")
    calls = given_way = 0
    verdict = Verdict()
    for when in ("before", "between", "after"):
        (tmp_path / when).mkdir()
        sinks = Sinks(tmp_path / when, shared_collector, f"gevent-{times}-{when}")
        running = {
            kind: stage.start("greenlets", when, str(times), kind) for kind, stage in sinks.stages.items()
        }
        told = {kind: finish(process) for kind, process in running.items()}
        sinks.recover()
        assert told["live"]["left"] == 0  # the thread that ships is no greenlet
        for kind, stage in sinks.stages.items():
            assert told[kind]["turns"] > 1
            given_way += told[kind]["given_way"]
            calls += GREENLETS * times
            verdict.add(stage.verdict(dict.fromkeys(range(GREENLETS), times)))
    figure = f"{calls:,} calls, {given_way} of them gave way: {verdict}"
    saw("gevent", figure, kept=not given_way and verdict.faults == 0)


@often(2, 40)
def test_event_loop(tmp_path: Path, shared_collector: CollectorProcess, saw: Saw, times: int) -> None:
    """A coroutine that logs does not make the event loop late, also while nobody answers."""
    sinks = Sinks(tmp_path, shared_collector, f"loop-{times}")
    more = {}
    for kind, stage in sinks.stages.items():
        del stage.environment["PYLOGTAP_FLUSH_INTERVAL_S"]  # as people have it
        told = finish(stage.start("neighbours", "loop", str(times)), timeout_s=60 + 3 * times)
        more[kind] = told["with"] - told["without"]
    sinks.recover()
    for kind, stage in sinks.stages.items():
        stage.drain()
        assert len(stage.logs()) > 25 * times, kind
    figure = f"{more['live']:+.2f} ms with a collector, {more['silent']:+.2f} ms with a silent one"
    in_time = times == 2 or max(more.values()) <= MOST_LAG_MS  # a short run meets a busy machine
    saw("event-loop-lag", figure, kept=in_time)


@often(1, 15)
def test_busy_neighbour(tmp_path: Path, shared_collector: CollectorProcess, saw: Saw, times: int) -> None:
    """A call beside a thread that never rests costs hardly more than one that does nothing."""
    stage = Stage(tmp_path, shared_collector, f"busy-{times}")
    del stage.environment["PYLOGTAP_FLUSH_INTERVAL_S"]  # as people have it
    told = finish(stage.start("neighbours", "busy", str(times)), timeout_s=60 + 40 * times)
    ratio = told["pylogtap"][1] / told["nothing"][1]
    figure = "; ".join(f"{name}: p50 {p50:.1f} µs, p99 {p99:.1f} µs" for name, (p50, p99) in told.items())
    assert set(told) == {"pylogtap", "nothing", "file"}
    saw("busy-neighbour", f"{ratio:.1f} times; {figure}", kept=times == 1 or ratio <= MOST_TIMES)
