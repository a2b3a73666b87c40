"""Ids of test runs, which are random, and of cases, which every process makes alike from run and node."""

from __future__ import annotations

import os
from hashlib import blake2b

_BYTES = 16  # as long as a W3C trace id: the id of a case is the id of the trace that it causes


def new_run_id() -> str:
    """Return an id that no other run has: 32 hex digits."""
    return os.urandom(_BYTES).hex()


def case_id(run: str, node: str, occurrence: int = 0, worker: str = "") -> str:
    """
    Return the id of a case: 32 hex digits, which also are a valid W3C trace id.

    Args:
        run: The run's id.
        node: The case's node.
        occurrence: How often the node was run in the same run before.
        worker: The process that runs it, where each process runs all cases.
    """
    text = f"{run}\0{node}\0{occurrence}\0{worker}"
    return blake2b(text.encode(errors="surrogatepass"), digest_size=_BYTES).hexdigest()
