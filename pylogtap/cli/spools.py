"""What stands in a spool directory: looked at without changing anything, for `drain` and `doctor`."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.client import DESTINATION_FILE
from pylogtap.errors import SpoolError
from pylogtap.orphans import DAMAGED_SUFFIX
from pylogtap.owner import OWNER_SUFFIX
from pylogtap.segment import SUFFIX, open_file
from pylogtap.shipper import SET_ASIDE_FILE
from pylogtap.wire import HEADER_SIZE, count_records

if TYPE_CHECKING:
    from pathlib import Path


class Holding(NamedTuple):
    """
    What one process keeps in its segments.

    Attributes:
        stem: Beginning of its files' names; the process number is in front.
        records: In all segments; some of them may have been delivered.
        size: Bytes of frames in them.
    """

    stem: str
    records: int
    size: int

    @property
    def pid(self) -> str:
        """The process number."""
        return self.stem.partition("-")[0]


@dataclass(slots=True)
class SpoolState:
    """
    The spool directory of one collector.

    Attributes:
        directory: Where it is.
        url: The collector's address; None where the directory does not say.
        held: Of processes that live, or whose records another process delivers right now.
        left: Of dead processes.
        ownerless: Of processes whose owner file is missing: nobody will adopt these.
        set_aside: Bytes of frames that the collector refused.
        damaged: Files that are no segments any more.
    """

    directory: Path
    url: str | None
    held: list[Holding] = field(default_factory=list)
    left: list[Holding] = field(default_factory=list)
    ownerless: list[Holding] = field(default_factory=list)
    set_aside: int = 0
    damaged: list[Path] = field(default_factory=list)


def survey(base: Path) -> list[SpoolState]:
    """
    Look at every collector's directory below the spool directory.

    Args:
        base: The spool directory.
    """
    try:
        folders = sorted(path for path in base.iterdir() if path.is_dir())
    except OSError:
        return []
    return [inspect(folder) for folder in folders]


def urls_below(base: Path) -> set[str]:
    """
    Return the addresses of the collectors that a spool directory has records for.

    Args:
        base: The spool directory.
    """
    return {state.url for state in survey(base) if state.url and (state.left or state.ownerless)}


def inspect(directory: Path) -> SpoolState:
    """
    Look at one collector's directory.

    Files may come and go meanwhile: what has gone is left out. Owner files of this very process must not be
    there, because closing one gives its lock up (POSIX record locks).

    Args:
        directory: The directory.
    """
    state = SpoolState(directory, _destination(directory))
    segments: dict[str, list[Path]] = {}
    owners: set[str] = set()
    for path in _listed(directory):
        if path.name.startswith("."):
            continue
        if path.name.endswith(OWNER_SUFFIX):
            owners.add(path.name.removesuffix(OWNER_SUFFIX))
        elif path.name.endswith(SUFFIX):
            segments.setdefault("-".join(path.name.split("-")[:2]), []).append(path)
        elif path.name.endswith(DAMAGED_SUFFIX):
            state.damaged.append(path)
        elif path.name == SET_ASIDE_FILE:
            with suppress(FileNotFoundError):
                state.set_aside = path.stat().st_size
    for stem, paths in sorted(segments.items()):
        holding = _holding(stem, paths)
        if stem not in owners:
            state.ownerless.append(holding)
        elif _is_locked(directory / f"{stem}{OWNER_SUFFIX}"):
            state.held.append(holding)
        else:
            state.left.append(holding)
    return state


def _destination(directory: Path) -> str | None:
    try:
        return (directory / DESTINATION_FILE).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _holding(stem: str, paths: list[Path]) -> Holding:
    records = size = 0
    for path in paths:
        with suppress(OSError, SpoolError):  # delivered meanwhile, or damaged: adopting it will say so
            segment = open_file(os.fspath(path))
            try:
                records += count_records(segment.memory[HEADER_SIZE : segment.end])
                size += segment.end - HEADER_SIZE
            finally:
                segment.close()
    return Holding(stem, records, size)


def _is_locked(path: Path) -> bool:
    """Tell whether a process holds an owner file; where that cannot be told, it is left alone."""
    try:
        with path.open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
