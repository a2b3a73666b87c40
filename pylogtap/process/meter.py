"""
The numbers of this process, read when they are asked for.

Names follow the semantic conventions of OpenTelemetry for processes, as far as those have one. What the
platform does not know is left out, never zero.
"""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sample(NamedTuple):
    """
    One value of a metric.

    Attributes:
        name: Of the metric.
        value: In the unit.
        unit: As people read it; None: a plain number.
        kind: `gauge` goes up and down, `counter` only grows.
        labels: What tells metrics of one name apart.
    """

    name: str
    value: float
    unit: str | None = None
    kind: str = "gauge"
    labels: dict[str, str] | None = None


def load_psutil() -> Any:
    """
    Return psutil.

    Raises:
        SettingsError: It is not installed.
    """
    try:
        import psutil  # noqa: PLC0415 - an extra: only those who measure have to have it
    except ImportError as error:
        raise SettingsError(
            "process_metrics needs psutil, which is not installed; get it by: pip install 'pylogtap[metrics]'"
        ) from error
    return psutil


class Pauses:
    """
    How long garbage collections hold the process up.

    Attributes:
        total_s: Seconds, since the start.
        count: Collections, of all generations.
        longest_s: Seconds of the longest one, since it was set to 0.
    """

    def __init__(self) -> None:
        """Listen to the collector of garbage."""
        self.total_s = self.longest_s = 0.0
        self.count = 0
        self._began: float | None = None
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._began = now
        elif self._began is not None:  # we may have come in the middle of one
            pause = now - self._began
            self.total_s += pause
            self.count += 1
            self.longest_s = max(self.longest_s, pause)

    def close(self) -> None:
        """Listen no longer."""
        if self._note in gc.callbacks:
            gc.callbacks.remove(self._note)


class Meter:
    """Reads the numbers of this process. One at a time."""

    def __init__(self) -> None:
        """
        Begin: shares and counts are those since now.

        Raises:
            SettingsError: psutil is not installed.
        """
        psutil = load_psutil()
        self._process = psutil.Process()
        self._unknown = (psutil.Error, OSError, AttributeError, NotImplementedError)
        self._pauses = Pauses()
        self._age_s: float | None = None  # at `_began`
        with suppress(*self._unknown):
            self._age_s = max(0.0, time.time() - self._process.create_time())
        self._began = self._last = time.monotonic()
        self._last_cpu_s = time.process_time()

    def close(self) -> None:
        """Read no more."""
        self._pauses.close()

    def read(self) -> list[Sample]:
        """Return the values of now."""
        samples: list[Sample] = []
        for group in (self._cpu, self._memory, self._threads, self._files, self._switches, self._disk):
            try:
                samples += group()
            except self._unknown:
                continue
        samples += self._collections()
        if self._age_s is not None:
            samples.append(Sample("process.uptime", self._age_s + time.monotonic() - self._began, "s"))
        return samples

    def _cpu(self) -> Iterator[Sample]:
        now, cpu_s = time.monotonic(), time.process_time()
        elapsed_s, used_s = now - self._last, cpu_s - self._last_cpu_s
        self._last, self._last_cpu_s = now, cpu_s
        if elapsed_s > 0:  # 100 is one core, all of the time
            yield Sample("process.cpu.percent", 100 * used_s / elapsed_s, "%")
        yield Sample("process.cpu.time", cpu_s, "s", "counter")

    def _memory(self) -> Iterator[Sample]:
        yield Sample("process.memory.rss", self._process.memory_info().rss, "bytes")

    def _threads(self) -> Iterator[Sample]:
        yield Sample("process.threads", self._process.num_threads())

    def _files(self) -> Iterator[Sample]:
        yield Sample("process.open_fds", self._process.num_fds())

    def _switches(self) -> Iterator[Sample]:
        import resource  # noqa: PLC0415 - not on every platform

        usage = resource.getrusage(resource.RUSAGE_SELF)
        for kind, count in (("voluntary", usage.ru_nvcsw), ("involuntary", usage.ru_nivcsw)):
            yield Sample("process.context_switches", count, None, "counter", {"type": kind})

    def _disk(self) -> Iterator[Sample]:
        found = self._process.io_counters()
        for direction, count in (("read", found.read_bytes), ("write", found.write_bytes)):
            yield Sample("process.disk.io", count, "bytes", "counter", {"direction": direction})

    def _collections(self) -> Iterator[Sample]:
        pauses = self._pauses
        longest_s, pauses.longest_s = pauses.longest_s, 0.0
        yield Sample("process.gc.pause", pauses.total_s, "s", "counter")
        yield Sample("process.gc.pause_max", longest_s, "s")
        yield Sample("process.gc.collections", pauses.count, None, "counter")
