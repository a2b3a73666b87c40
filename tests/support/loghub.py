"""
Real log lines of twelve systems with patterns that people gave them: the structured samples of loghub.

They are not part of this repository (source: https://github.com/logpai/loghub; Zhu et al. 2023, "Loghub: A
Large Collection of System Log Datasets for AI-driven Log Analytics").
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import NamedTuple

VARIABLE = "PYLOGTAP_LOGHUB"
_NEARBY = Path(__file__).resolve().parents[3] / "shared" / "data" / "loghub"
HOW_TO_GET = (
    "loghub's samples are missing. Get them: `git clone --depth 1 https://github.com/logpai/loghub` and set "
    f"{VARIABLE} to that folder"
)

# How each system wrote its lines, which the samples have divided (source: the formats of loghub's benchmark).
_LAYOUTS = {
    "Apache": "[{Time}] [{Level}] {Content}",
    "BGL": "{Label} {Timestamp} {Date} {Node} {Time} {NodeRepeat} {Type} {Component} {Level} {Content}",
    "HDFS": "{Date} {Time} {Pid} {Level} {Component}: {Content}",
    "HPC": "{LogId} {Node} {Component} {State} {Time} {Flag} {Content}",
    "Hadoop": "{Date} {Time} {Level} [{Process}] {Component}: {Content}",
    "Linux": "{Month} {Date} {Time} {Level} {Component}{PID}: {Content}",
    "OpenSSH": "{Date} {Day} {Time} {Component} sshd[{Pid}]: {Content}",
    "OpenStack": "{Logrecord} {Date} {Time} {Pid} {Level} {Component} [{ADDR}] {Content}",
    "Proxifier": "[{Time}] {Program} - {Content}",
    "Spark": "{Date} {Time} {Level} {Component}: {Content}",
    "Thunderbird": (
        "{Label} {Timestamp} {Date} {User} {Month} {Day} {Time} {Location} {Component}{PID}: {Content}"
    ),
    "Zookeeper": "{Date} {Time} - {Level}  [{Node}:{Component}@{Id}] - {Content}",
}


class Sample(NamedTuple):
    """The lines of one system."""

    system: str
    rows: list[
        dict[str, str]
    ]  # Content, EventId, EventTemplate, and the columns that the system's lines have

    @property
    def messages(self) -> list[str]:
        """What stands behind the header of each line."""
        return [row["Content"] for row in self.rows]

    @property
    def events(self) -> list[str]:
        """The pattern that a person gave each line, by its identifier."""
        return [row["EventId"] for row in self.rows]

    @property
    def lines(self) -> list[str]:
        """The lines as the system wrote them."""
        layout = _LAYOUTS[self.system]
        return [
            layout.format(**{**row, "PID": f"[{row['PID']}]" if row.get("PID") else ""}) for row in self.rows
        ]


def find_folder(given: str | os.PathLike[str] | None = None) -> Path | None:
    """
    Return the folder of the samples, or None where there is none.

    Args:
        given: Instead of the environment variable `PYLOGTAP_LOGHUB`, or of `../shared/data/loghub`.
    """
    folder = Path(given or os.environ.get(VARIABLE) or _NEARBY)
    return folder if _files(folder) else None


def read_samples(folder: Path) -> list[Sample]:
    """Read all systems, by name: one `System.csv` each, or as they lie in loghub's repository."""
    samples = []
    for file in _files(folder):
        with file.open(encoding="utf-8", newline="") as stream:
            samples.append(
                Sample(file.name.partition("_2k")[0].removesuffix(".csv"), list(csv.DictReader(stream)))
            )
    return samples


def _files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*/*_2k.log_structured.csv"))
    return found or sorted(folder.glob("*.csv"))
