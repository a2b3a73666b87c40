"""What a process measures of itself, and how it gets into the spool."""

from __future__ import annotations

import gc
import logging
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

import pylogtap
from pylogtap import client as clients
from pylogtap.errors import SettingsError
from pylogtap.process import sending
from pylogtap.process.meter import Meter, Pauses
from pylogtap.shipper import deliver_orphans
from tests.support.measured import measured, read_measured
from tests.support.receiver import Receiver, ReceiverTransport
from tests.support.spooled import kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.process.meter import Sample
    from pylogtap.spool import Spool
    from tests.support.measured import Measured

ROOT = Path(__file__).parents[3]
PREFIX = "shop/checkout/web-1"


@pytest.fixture(autouse=True)
def measure_no_longer() -> Iterator[None]:
    """Leave no thread behind."""
    yield
    sending.end(last=False)


@pytest.fixture
def meter() -> Iterator[Meter]:
    """Return a meter of this process."""
    made = Meter()
    yield made
    made.close()


def by_name(samples: list[Sample]) -> dict[str, float]:
    """Return values by names; of those with labels, any."""
    return {each.name: each.value for each in samples}


def only_spool() -> Spool:
    """Return the spool of the one client."""
    (client,) = clients.all_clients()
    return client.spool


def test_values_are_those_of_the_system(meter: Meter) -> None:
    """What is read is what psutil says of this process."""
    process, found, seen = psutil.Process(), dict[str, float](), (0, 0)
    for _ in range(100):  # what tests before have left may still end, or try again, at this very moment
        found, seen = by_name(meter.read()), (process.num_threads(), process.num_fds())
        if (found["process.threads"], found["process.open_fds"]) == seen:
            break
    assert (found["process.threads"], found["process.open_fds"]) == seen
    assert found["process.memory.rss"] == pytest.approx(process.memory_info().rss, rel=0.2)
    assert found["process.uptime"] == pytest.approx(time.time() - process.create_time(), abs=1.5)
    times = process.cpu_times()
    assert found["process.cpu.time"] == pytest.approx(times.user + times.system, abs=0.5)


def test_share_of_the_cpu(meter: Meter) -> None:
    """The share is CPU time over time since the sample before, in percent of a core."""
    began, cpu_began = time.monotonic(), time.process_time()
    meter.read()
    while time.process_time() < cpu_began + 0.1:
        sum(range(1_000))
    found = by_name(meter.read())
    share = 100 * (time.process_time() - cpu_began) / (time.monotonic() - began)
    assert found["process.cpu.percent"] == pytest.approx(share, rel=0.3)


def test_what_cannot_be_read_is_left_out(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that the platform does not give is missing, never zero; the others are there."""

    def refuse(_: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "io_counters", refuse)
    monkeypatch.delattr(psutil.Process, "num_fds")
    names = by_name(meter.read()).keys()
    assert {"process.disk.io", "process.open_fds"}.isdisjoint(names)
    assert {"process.memory.rss", "process.uptime"} <= names


def test_pauses_of_collections() -> None:
    """Each collection is counted, its time is added up, and the longest one is known until it is taken."""
    pauses = Pauses()
    try:
        before = time.perf_counter()
        for _ in range(3):
            gc.collect()
        elapsed_s = time.perf_counter() - before
    finally:
        pauses.close()
    assert pauses.count >= 3
    assert 0 < pauses.longest_s <= pauses.total_s <= elapsed_s
    gc.collect()
    assert pauses.count < 100
    assert not any(getattr(each, "__self__", None) is pauses for each in gc.callbacks)


def test_the_longest_pause_is_of_one_interval(meter: Meter) -> None:
    """What was long in one interval is not told again in the next."""
    gc.disable()
    try:
        gc.collect()
        first, second = by_name(meter.read()), by_name(meter.read())
    finally:
        gc.enable()
    assert first["process.gc.pause_max"] > 0
    assert second["process.gc.pause_max"] == 0
    assert second["process.gc.pause"] == first["process.gc.pause"]


def left_in(folder: Path) -> list[Measured]:
    """Deliver what programs left in the spool of a test, and return what was measured."""
    receiver = Receiver()
    for directory in (folder / "spool").iterdir():
        deliver_orphans(str(directory), frozenset(), ReceiverTransport(receiver), lambda _: None)
    return read_measured(receiver.payloads)


def test_init_ships_them() -> None:
    """Samples stand in the spool under the prefix, and count as no record."""
    pylogtap.init(PREFIX, process_metrics=True, process_metrics_interval_s=0.1)
    deadline = time.monotonic() + 10
    while not measured(only_spool()) and time.monotonic() < deadline:
        time.sleep(0.02)
    (first, *_) = measured(only_spool())
    assert first.place == PREFIX
    assert abs(first.time_ns - time.time_ns()) < 60e9
    assert first.value("process.threads") >= 1
    assert kept(only_spool()) == []
    stats = pylogtap.stats()
    assert (stats.accepted, stats.spooled, stats.dropped) == (0, 0, {})


def test_the_end_sends_a_last_sample(tmp_path: Path) -> None:
    """A program that lives shorter than the interval is measured once, at its end."""
    pylogtap.init(PREFIX, process_metrics=True)
    pylogtap.shutdown()
    assert [each.place for each in left_in(tmp_path)] == [PREFIX]


def test_off_by_default() -> None:
    """Nobody is measured who did not ask for it."""
    pylogtap.init(PREFIX)
    assert sending._current == []


def test_a_second_init_replaces_the_first() -> None:
    """There is one thread for a process; without the setting there is none any more."""
    pylogtap.init(PREFIX, process_metrics=True)
    (first,) = sending._current
    pylogtap.init("shop/other/web-1", process_metrics=True)
    (second,) = sending._current
    assert first is not second
    sending.end()
    assert [each.place for each in measured(only_spool())] == ["shop/other/web-1"]
    pylogtap.init(PREFIX, process_metrics=True)
    pylogtap.init(PREFIX)
    assert sending._current == []


def test_disabled_is_disabled() -> None:
    """Where everything is off, this is as well."""
    pylogtap.init(PREFIX, process_metrics=True, disabled=True)
    assert sending._current == []


def test_a_handler_can_be_told() -> None:
    """A configuration that names our handler may switch it on."""
    handler = pylogtap.Handler(prefix=PREFIX, process_metrics=True)
    sending.end()
    assert [each.place for each in measured(handler.client.spool)] == [PREFIX]


def test_without_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where psutil is missing, the error says how to get it, and nothing is set up."""
    monkeypatch.setitem(sys.modules, "psutil", None)
    before = list(logging.getLogger().handlers)
    with pytest.raises(SettingsError, match=r"pip install 'pylogtap\[metrics\]'"):
        pylogtap.init(PREFIX, process_metrics=True)
    assert logging.getLogger().handlers == before
    assert clients.all_clients() == []


@pytest.mark.parametrize("interval", ["0", "0.01", "3601", "often"])
def test_intervals_that_cannot_be(interval: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interval has bounds; the error says them, or what it could not read."""
    monkeypatch.setenv("PYLOGTAP_PROCESS_METRICS_INTERVAL_S", interval)
    with pytest.raises(SettingsError, match="PROCESS_METRICS_INTERVAL_S"):
        pylogtap.init(PREFIX)


def test_no_room() -> None:
    """Samples that find no room are let go: they are no records, so none is counted as dropped."""
    pylogtap.init(PREFIX, spool_max_bytes="2M", console="off")
    spool = only_spool()
    assert spool.offer(b"\x95\x00\x05" + bytes(100))
    payload = b"\x95\x00\x05" + bytes(200_000)
    assert [spool.offer(payload) for _ in range(20)].count(True) < 15
    assert not spool.offer(payload)
    assert spool.dropped == {}
    spool.close()
    assert not spool.offer(b"\x95\x00\x05")


def test_switched_off_it_loads_nothing() -> None:
    """Who does not measure loads neither psutil nor anything of this."""
    program = """
        import sys, pylogtap
        pylogtap.init("a/b/c", console="off")
        pylogtap.shutdown()
        found = {name for name in sys.modules if name.startswith(("psutil", "asyncio", "pylogtap.process"))}
        assert not found, found
        """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=60,
    )  # fmt: skip
