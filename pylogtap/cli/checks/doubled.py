"""
Find records that a program stores twice because two handlers of ours get them.

`logging` gives one record object to every handler on its way up to the root. A handler of ours on a logger
and another on the root therefore store the same time, to the microsecond, with the same thread, call site and
message. One thread cannot pass one call site twice within a microsecond: such twins prove a second handler.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap.cli.checks.finding import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = "root"
_SHARE = (
    0.1  # of a logger's calls; a chance hit between containers with equal process numbers stays far below
)
_MOST_NAMED = 5
_SHOW_HANDLERS = (
    "to see all handlers, in the program:  for name in ('', *logging.root.manager.loggerDict): "
    "print(name or 'root', logging.getLogger(name).handlers)"
)


class Twins(NamedTuple):
    """
    What one process stores more than once.

    Attributes:
        place: Prefix of one of the records.
        pid: The process.
        copies: How often each call is stored.
        loggers: Whose calls.
    """

    place: str
    pid: int
    copies: int
    loggers: tuple[str, ...]

    @property
    def ancestor(self) -> str:
        """The nearest logger that all of them stand under; the second handler is there, or above."""
        paths = [[] if name == ROOT else name.split(".") for name in self.loggers]
        common = []
        for parts in zip(*paths, strict=False):
            if len(set(parts)) > 1:
                break
            common.append(parts[0])
        return ".".join(common) or ROOT


def find_twins(logs: Iterable[dict[str, Any]]) -> Iterator[Twins]:
    """
    Find the processes that store calls more than once.

    Args:
        logs: Records of the API.
    """
    processes: dict[int, dict[tuple[str, str], Counter[tuple[Any, ...]]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    places: dict[int, str] = {}
    for log in logs:
        pid, line = log["process"]["pid"], log["source"]["line"]
        if not pid or not line:  # not logged by a call of Python
            continue
        places.setdefault(pid, f"{log['project']}/{log['service']}/{log['instance']}")
        call = (log["time"], log["process"]["thread"], log["source"]["file"], line, log["message"])
        processes[pid][log["logger"], log["level"]][call] += 1
    for pid, origins in processes.items():
        hit = {origin: max(calls.values()) for origin, calls in origins.items() if _are_doubled(calls)}
        if hit:
            loggers = tuple(sorted({logger for logger, _ in hit}))
            yield Twins(places[pid], pid, max(hit.values()), loggers)


def _are_doubled(calls: Counter[tuple[Any, ...]]) -> bool:
    doubled = sum(count > 1 for count in calls.values())
    return doubled > 0 and doubled >= len(calls) * _SHARE


def describe(twins: Twins) -> Finding:
    """
    Say what is stored twice, and what to remove.

    Args:
        twins: As found.
    """
    named = ", ".join(twins.loggers[:_MOST_NAMED])
    more = len(twins.loggers) - _MOST_NAMED
    ancestor = twins.ancestor
    remedy = (
        f"in the program, keep that of the root logger, and take away that of {ancestor}, or of one above it"
    )
    if ancestor == ROOT:
        remedy = (
            "in the program, have one: by pylogtap.init(), or by a configuration that names pylogtap.Handler"
        )
    plural = "s" if len(twins.loggers) > 1 else ""
    return Finding(
        "handlers",
        State.PROBLEM,
        f"several handlers: process {twins.pid} ({twins.place}) stores each call {_times(twins.copies)},"
        f" of the logger{plural} {named}{f' and {more} more' if more > 0 else ''}",
        (remedy, _SHOW_HANDLERS),
    )


def _times(copies: int) -> str:
    return "twice" if copies == 2 else f"{copies} times"
