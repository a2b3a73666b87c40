"""Applications that fork, or interrupt themselves in the midst of a call."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from pylogtap_collector.proofs.application import CALLS_OF_A_CHILD
from pylogtap_collector.proofs.interrupted import FINALIZER, HANDLER, WRITERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.promises import Seen

_THREADS = 3
_HANGING_S = 60.0  # a program that has not ended by then never will
_INTERRUPTED = "pylogtap_collector.proofs.interrupted"


def prove_fork(ground: Ground) -> Iterator[Seen]:
    """Fork, and fork again in the child, while threads log."""
    with ground.campaign() as (campaign, _):
        forks = ground.often(4, 20, 100)
        run = campaign.start("--forks", str(forks), "--rate", "2000", threads=_THREADS, children=2 * forks)
        try:
            run.finish(_HANGING_S)
        except subprocess.TimeoutExpired:
            yield ground.seen("forks", "a child stands still", kept=False)
            return
        campaign.drain()
        verdict = campaign.verdict()
        complete = all(run.oracle[_THREADS + child] == CALLS_OF_A_CHILD for child in range(2 * forks))
        figure = f"{2 * forks} children, {verdict.returned:,} calls returned: {verdict}"
        figure += ", 0 hung" if complete else ", and children ended early"
        yield ground.seen("forks", figure, kept=verdict.faults == 0 and complete)


def prove_interrupted(ground: Ground) -> Iterator[Seen]:
    """Log from signal handlers and finalizers that come in the midst of logging calls."""
    with ground.campaign() as (campaign, _):
        seconds = ground.often(1, 4, 30)
        run = campaign.start("--seconds", str(seconds), threads=WRITERS, program=_INTERRUPTED)
        try:
            counters = run.finish(seconds + _HANGING_S)
        except subprocess.TimeoutExpired:
            yield ground.seen("signal-storm", "a call stands still", kept=False)
            yield ground.seen("finalizers", "a call stands still", kept=False)
            return
        campaign.drain()
        verdict = campaign.verdict()
        made = run.oracle.obligations()
        told = f"{verdict}, {'0 hung' if not counters['dropped'] else counters['dropped']}"
        for key, who, writer in (
            ("signal-storm", "signal handlers", HANDLER),
            ("finalizers", "finalizers", FINALIZER),
        ):
            figure = f"{made[writer]:,} of {verdict.returned:,} calls by {who}: {told}"
            yield ground.seen(key, figure, kept=verdict.faults == 0 < made[writer])
