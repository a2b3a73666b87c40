"""Checks of the spool: can be written, has room, and nothing waits in it that nobody will deliver."""

from __future__ import annotations

import errno
import os
from shlex import quote
from typing import TYPE_CHECKING

from pylogtap.cli.checks.finding import Finding, State
from pylogtap.cli.spools import survey
from pylogtap.client import destination_directory
from pylogtap.orphans import DAMAGED_SUFFIX
from pylogtap.segment import create_file
from pylogtap.settings import default_spool_dir
from pylogtap.shipper import SET_ASIDE_FILE
from pylogtap.wire import MAX_SEGMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap.cli.spools import Holding, SpoolState
    from pylogtap.settings import Settings

NEARLY_FULL = 0.75
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_ELSEWHERE = "or use another folder:  export PYLOGTAP_SPOOL_DIR=/path/to/it"


def check(settings: Settings) -> Iterator[Finding]:
    """
    Check the spool directory and all that is in it.

    Args:
        settings: Where it is, and how much a process may hold.
    """
    base = settings.spool_dir or default_spool_dir()
    try:
        directory = destination_directory(settings)
        create_file(directory, f"{os.getpid()}-doctor", MAX_SEGMENT_BYTES).remove()
    except OSError as error:
        yield _unusable(base, error)
        return
    yield _room(directory, settings.spool_max_bytes)
    states = survey(base)
    yield _limit([each for state in states for each in state.held], settings.spool_max_bytes)
    yield from _leftovers(states, settings.url)
    yield from _refused(states)


def _unusable(base: Path, error: OSError) -> Finding:
    remedies: tuple[str, ...] = (_ELSEWHERE,)
    if error.errno in _FULL:
        remedies = (f"make room:  df -h {quote(str(base))}", _ELSEWHERE)
    elif error.errno in _FORBIDDEN:
        remedies = (f'sudo chown -R "$(id -u)" {quote(str(base))}', _ELSEWHERE)
    elif error.errno in {errno.ENOTDIR, errno.EEXIST}:
        remedies = (f"a file is in the way of the folder:  ls -ld {quote(str(base))}", _ELSEWHERE)
    return Finding(
        "spool",
        State.PROBLEM,
        f"{base} cannot be written ({(error.strerror or str(error)).lower()}):"
        " programs hold in memory what is not delivered, and lose it when they die",
        remedies,
    )


def _room(directory: str, wanted: int) -> Finding:
    place = os.statvfs(directory)
    free = place.f_bavail * place.f_frsize
    if free >= wanted:
        return Finding("spool", State.OK, f"{directory} can be written, {_size(free)} are free")
    return Finding(
        "spool",
        State.WARNING,
        f"the disk of {directory} is nearly full: {_size(free)} are free, a program may need {_size(wanted)}",
        (f"make room:  df -h {quote(directory)}", _ELSEWHERE),
    )


def _limit(held: list[Holding], limit: int) -> Finding:
    """Compare what living programs hold with what each may hold; at the limit new records are dropped."""
    limit = max(limit, 2 * MAX_SEGMENT_BYTES)
    close = [each for each in held if each.size >= limit * NEARLY_FULL]
    if not close:
        return Finding("limit", State.OK, f"no program holds nearly as much as it may, {_size(limit)}")
    worst = max(close, key=lambda each: each.size)
    return Finding(
        "limit",
        State.PROBLEM,
        f"process {worst.pid} holds {_size(worst.size)} of {_size(limit)} undelivered records;"
        " at the limit new ones are dropped",
        (
            "have the collector reached again; nothing is lost until then, up to the limit",
            f"start the program with more room:  export PYLOGTAP_SPOOL_MAX_BYTES={limit * 4 >> 20}M",
        ),
    )


def _leftovers(states: list[SpoolState], url: str) -> Iterator[Finding]:
    nothing = True
    for state in states:
        dead = [*state.left, *state.ownerless]
        if not dead:
            continue
        nothing = False
        records = sum(each.records for each in dead)
        remedies = [
            f"touch {quote(str(state.directory / each.stem))}.own  (its owner file is missing)"
            for each in state.ownerless
        ]
        remedies.append(f"pylogtap drain --url {state.url or 'URL-OF-THEIR-COLLECTOR'}")
        yield Finding(
            "left behind",
            State.PROBLEM if state.url == url else State.WARNING,
            f"up to {records:,} records of {len(dead)} ended program{'' if len(dead) == 1 else 's'}"
            f" wait for {state.url or f'an unknown collector in {state.directory}'}",
            tuple(remedies),
        )
    if nothing:
        yield Finding("left behind", State.OK, "no ended program has left anything undelivered")


def _refused(states: list[SpoolState]) -> Iterator[Finding]:
    for state in states:
        if state.set_aside or state.damaged:
            folder = quote(str(state.directory))
            yield Finding(
                "refused",
                State.WARNING,
                f"{_size(state.set_aside)} that the collector could not read and {len(state.damaged)} damaged"
                f" segments lie in {state.directory}",
                (f"after a look at them:  rm -f {folder}/{SET_ASIDE_FILE} {folder}/*{DAMAGED_SUFFIX}",),
            )


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
