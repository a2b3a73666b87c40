"""What the benchmarks share: machine facts, statistics, costs of a process, tables and JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column of a table for people.

    Attributes:
        key: Name of the value in a row.
        title: What stands above it, with the unit.
        form: A format specification for the value.
    """

    key: str
    title: str
    form: str = ""

    def text(self, row: Mapping[str, Any]) -> str:
        """Return a row's cell; what was not measured is a dash, never a zero."""
        value = row.get(self.key)
        return "-" if value is None else format(value, self.form)


def machine_facts() -> dict[str, Any]:
    """Describe the machine as far as it explains a figure; nothing here names it."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """
    Return the value that `share` of the values lie below.

    Args:
        ordered: At least one value, ascending.
        share: Between 0 and 1.
    """
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median_of(rows: Iterable[Mapping[str, Any]], key: str) -> float | None:
    """Return the median of one value over the rounds, or None where no round has it."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None


def median_ratio(
    rows: Sequence[Mapping[str, Any]], base: Sequence[Mapping[str, Any]], key: str
) -> float | None:
    """
    Return how many times the base's value a peer's value is: the median of the ratios of each round.

    Both of a round were measured within seconds, so that what slowed the machine slowed both.

    Args:
        rows: The peer's rounds, each with its number under `round`.
        base: The base's rounds.
        key: The value.
    """
    known = {row["round"]: row[key] for row in base if row.get(key)}
    ratios = [
        row[key] / known[row["round"]] for row in rows if row["round"] in known and row.get(key) is not None
    ]
    return statistics.median(ratios) if ratios else None


def peak_rss_mib() -> float:
    """Return the most memory that this process has had since it became this program, in MiB."""
    return peak_rss_mib_of(os.getpid())  # ru_maxrss would begin with what the starting process had


def cpu_seconds_of(pid: int) -> float:
    """Return the CPU seconds that a process has used, user and system (source: proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def peak_rss_mib_of(pid: int) -> float:
    """Return the most memory that a process has had, in MiB (source: proc(5), VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/status has no VmHWM: the process has ended")


def print_table(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows for people: the first column to the left, figures to the right."""
    lines = [
        [column.title for column in columns],
        *[[column.text(row) for column in columns] for row in rows],
    ]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    for line in lines:
        cells = [
            line[0].ljust(widths[0]),
            *[cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)],
        ]
        print("  ".join(cells).rstrip())


def write_json(path: Path | None, result: Mapping[str, Any]) -> None:
    """Write a result with the machine's facts; nothing where no path is given."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine_facts(), **result}, indent=1) + "\n")
