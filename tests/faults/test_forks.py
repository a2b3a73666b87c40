"""Processes that come from others, in all the ways that Python has: each has a stream of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.extent import often
from tests.faults.programs.forks import WAYS
from tests.faults.stage import FRESH, finish

if TYPE_CHECKING:
    from tests.faults.conftest import Saw
    from tests.faults.stage import Stage

_WRITERS = 100  # most that one program has


@often(1, 20)
def test_all_ways_to_further_processes(stage: Stage, saw: Saw, times: int) -> None:
    """Pools, forks in threads and before the first record, `os._exit`, SIGKILL, other programs: 0 lost."""
    logged: dict[int, tuple[int, int]] = {}
    for turn in range(times):
        firsts = range(turn * len(WAYS) * _WRITERS, (turn + 1) * len(WAYS) * _WRITERS, _WRITERS)
        running = [
            stage.start("forks", way.__name__, str(first)) for way, first in zip(WAYS, firsts, strict=True)
        ]
        for process in running:
            logged |= {int(writer): tuple(told) for writer, told in finish(process).items()}
    verdict = stage.verdict({writer: count for writer, (count, _) in logged.items()})
    numbers = {writer: pid for writer, (_, pid) in logged.items()}
    found = [(log["attributes"]["writer"], log["process"]["pid"]) for log in stage.logs()]
    strange = [writer for writer, pid in found if writer != FRESH and pid != numbers[writer]]
    processes = len(set(numbers.values()))
    assert processes > 20 * times
    saw(
        "processes-of-all-kinds",
        f"{processes} processes, {verdict.returned:,} calls returned: {verdict}; 0 hung;"
        f" {len(strange)} in another's stream",
        kept=verdict.faults == 0 and not strange,
    )
    assert stage.leftovers() == []
