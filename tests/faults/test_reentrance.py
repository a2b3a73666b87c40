"""Logging calls that are entered again: by signals, finalizers, values, and the libraries of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import often
from tests.faults.stage import finish

if TYPE_CHECKING:
    from tests.faults.conftest import Saw
    from tests.faults.stage import Stage

KEYS = {  # of each way: the promise, and the first of the writers that log within the calls of others
    "signals": ("signal-storm", 1),
    "finalizers": ("finalizers", 4),
    "formatting": ("logging-while-formatting", 1),
    "http": ("http-debug-logs", 1),
}


@pytest.mark.parametrize("way", KEYS)
@often(1, 40)
def test_calls_within_calls(stage: Stage, saw: Saw, times: int, way: str) -> None:
    """Nothing hangs, nothing feeds itself, and the records of outer and inner calls are all there."""
    key, inner = KEYS[way]
    seconds = times / 4
    told = finish(stage.start("reentrance", way, str(seconds)), timeout_s=seconds + 100)
    logged = {int(writer): count for writer, count in told["logged"].items()}
    verdict = stage.verdict(logged)
    assert told["delivered"]
    assert told["dropped"] == {}
    if way == "http":
        figure = f"{told['more']} records of our own deliveries"
    else:
        within = sum(count for writer, count in logged.items() if writer >= inner)
        assert within > 10 * times
        figure = f"{within:,} of them within others, 0 hung"
    saw(
        key,
        f"{seconds} s, {verdict.returned:,} calls returned, {figure}: {verdict}",
        kept=verdict.faults == 0 and told["more"] == 0,
    )
    assert stage.leftovers() == []
