"""How far a proof goes: some minutes in CI, far longer by `nox -s faults`."""

from __future__ import annotations

import pytest


def often(short: int, long: int) -> pytest.MarkDecorator:
    """Repeat a number of times in CI, and far more often in the long run; see the argument `times`."""
    return pytest.mark.parametrize(
        "times",
        [
            pytest.param(short, marks=pytest.mark.timeout(300)),
            pytest.param(long, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
        ],
    )
