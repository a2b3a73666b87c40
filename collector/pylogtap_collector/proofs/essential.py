"""The proofs that anybody can run: `pylogtap verify`."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, replace
from http.client import HTTPException
from typing import TYPE_CHECKING

from pylogtap_collector.proofs import attacking, damage, killing, living, waiting
from pylogtap_collector.proofs.ground import Proof
from pylogtap_collector.proofs.promises import PROMISES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.promises import Promise, Seen

PROOFS = (
    Proof(("application-killed",), killing.prove_application_killed),
    Proof(("application-killed-rotating",), killing.prove_application_killed_rotating),
    Proof(("collector-killed",), killing.prove_collector_killed),
    Proof(("answers-lost",), killing.prove_answers_lost),
    Proof(("forks",), living.prove_fork),
    Proof(("signal-storm", "finalizers"), living.prove_interrupted),
    Proof(("sink-down", "sink-silent"), waiting.prove_sinks),
    Proof(("sink-calls",), waiting.prove_calls),
    Proof(("segments-damaged",), damage.prove_segments_damaged),
    Proof(("bombs-and-silence",), attacking.prove_attack),
)
_HEAD, _TAIL = 60, 200  # characters
_BREAKING = (
    *(AssertionError, RuntimeError, ValueError, OSError),
    *(HTTPException, subprocess.SubprocessError),
)
KEYS = tuple(key for proof in PROOFS for key in proof.keys)


@dataclass(frozen=True, slots=True)
class Row:
    """
    A promise beside what was seen of it.

    Attributes:
        promise: It.
        seen: By its proof.
        seconds: That the proof took.
    """

    promise: Promise
    seen: Seen
    seconds: float


def run_proofs(
    ground: Ground,
    wanted: Collection[str] = KEYS,
    begun: Callable[[list[str]], None] = lambda _: None,
) -> Iterator[Row]:
    """
    Run proofs, each in a folder of its own, and yield what they saw as soon as they have.

    A proof that breaks off has kept nothing: what stopped it is what was seen.

    Args:
        ground: Its folder holds theirs.
        wanted: Keys of the promises that are to be shown.
        begun: Is told the keys of those that are tried next.
    """
    for number, proof in enumerate(PROOFS):
        keys = [key for key in proof.keys if key in wanted]
        if not keys:
            continue
        begun(keys)
        began = time.monotonic()
        try:
            found = {
                seen.key: seen for seen in proof.run(replace(ground, folder=ground.folder / str(number)))
            }
        except _BREAKING as error:
            broken = f"broke off: {type(error).__name__}: {_short(str(error))}"
            found = {key: ground.seen(key, broken, kept=False) for key in keys}
        seconds = time.monotonic() - began
        yield from (Row(PROMISES[key], found[key], seconds) for key in keys)


def _short(text: str) -> str:
    """Return begin and end of a text that may hold a program's last words, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= _HEAD + _TAIL else f"{line[:_HEAD]} … {line[-_TAIL:]}"
