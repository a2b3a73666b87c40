"""The fixtures of the fault tests: the seed, and what notes what was seen of a promise."""

from __future__ import annotations

from tests.faults.conftest import saw, seed

__all__ = ["saw", "seed"]
