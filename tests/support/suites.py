"""Runs of a small suite, as they are told to a collector."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pylogtap import wire
from pylogtap.cases.identity import case_id, new_run_id
from pylogtap_collector.storage.test_runs import apply_events
from pylogtap_collector.taps.test_events import TestEvent
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.assembly import Collector

PLACE = Place("shop", "tests", "ci")
BEGIN_NS = 1_780_000_000_000_000_000
HOUR_NS = 3_600_000_000_000
OUTCOMES = {"p": "passed", "f": "failed", "e": "error", "s": "skipped"}


async def tell_run(
    store: Collector,
    at: int,
    outcomes: Mapping[str, str],
    *,
    seconds: float | Mapping[str, float] = 0.1,
    reran: frozenset[str] = frozenset(),
    end: bool = True,
    **facts: Any,
) -> str:
    """
    Tell of a run, and return its id.

    Args:
        store: The collector.
        at: Hours after the first run; also the number of its commit, unless `commit` says another.
        outcomes: By node, a letter of `OUTCOMES`.
        seconds: Of each case, or by node.
        reran: Nodes that took a second attempt.
        end: It has ended.
        facts: Further ones of the run; None: not told.
    """
    run, begin = new_run_id(), BEGIN_NS + at * HOUR_NS
    commit = facts.pop("commit", at)
    told = {
        "runner": "made", "commit": f"{commit:040x}", "committed": BEGIN_NS + commit * HOUR_NS - 1,
        "branch": "main", "dirty": False, "whole": True, **facts,
    }  # fmt: skip
    told = {name: value for name, value in told.items() if value is not None}
    events = [TestEvent(begin, PLACE, run, wire.TEST_BEGIN, told)]
    for node, letter in outcomes.items():
        case: dict[str, Any] = {
            "id": case_id(run, node),
            "node": node,
            **({"file": node.partition("::")[0]} if "::" in node else {}),
            "started": begin,
            "duration": seconds if isinstance(seconds, float) else seconds[node],
            "outcome": OUTCOMES[letter],
            "done": True,
        }
        if letter in "fe":
            case["failure"] = {"type": "AssertionError", "message": f"order {at} is lost"}
        if node in reran:
            case["attempts"] = [{"outcome": "failed"}]
        events.append(TestEvent(begin, PLACE, run, wire.TEST_CASE, case))
    if end:
        outcome = "failed" if set(outcomes.values()) & {"f", "e"} else "passed"
        facts_of_end = {"exit": 0, "outcome": outcome, "duration": 1.0}
        events.append(TestEvent(begin + HOUR_NS // 2, PLACE, run, wire.TEST_END, facts_of_end))
    await store.engine.write(lambda connection: apply_events(connection, events, time.time_ns()))
    return run


def nodes(letters: str, file: str = "tests/test_a.py") -> dict[str, str]:
    """Return outcomes of tests of a file, by node: a letter per test; a dot is no case."""
    return {f"{file}::test_{index}": letter for index, letter in enumerate(letters) if letter != "."}
