"""The clock that records age by: whatever is done to the machine's, they are not all too old at once."""

from __future__ import annotations

import time

import pytest

from pylogtap_collector.services import clock
from pylogtap_collector.services.clock import BELIEVED_AFTER_NS, TOLERATED_NS, CautiousClock

NOW = 1_800_000_000_000_000_000
YEAR_NS = 365 * 86_400_000_000_000


class Machine:
    """A machine with a clock that is set by hand, and one that only goes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = NOW, 5_000
        monkeypatch.setattr(time, "time_ns", lambda: self.wall)
        monkeypatch.setattr(clock, "steady_ns", lambda: self.steady)

    def go_on(self, passed_ns: int) -> None:
        """Let time pass."""
        self.wall += passed_ns
        self.steady += passed_ns


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine whose clock is right."""
    return Machine(monkeypatch)


def test_it_goes_as_the_clock_goes(machine: Machine) -> None:
    """Time that passes, small corrections, and a clock that is set back are believed."""
    cautious = CautiousClock()
    assert cautious.now_ns() == NOW
    for step, passed in ((0, YEAR_NS), (TOLERATED_NS, 1), (-YEAR_NS, 1), (0, 100)):
        machine.wall += step
        machine.go_on(passed)
        assert cautious.now_ns() == machine.wall


def test_a_jump_ahead_is_believed_after_a_day(machine: Machine) -> None:
    """Until then time passes as before; where the clock is put right again, nothing has happened."""
    cautious = CautiousClock()
    cautious.now_ns()
    machine.wall += YEAR_NS
    assert cautious.now_ns() == NOW
    machine.go_on(BELIEVED_AFTER_NS - 1)
    assert cautious.now_ns() == NOW + BELIEVED_AFTER_NS - 1
    machine.wall -= YEAR_NS
    assert cautious.now_ns() == machine.wall
    machine.wall += YEAR_NS
    assert cautious.now_ns() == machine.wall - YEAR_NS
    machine.go_on(BELIEVED_AFTER_NS)
    assert cautious.now_ns() == machine.wall


def test_a_machine_that_starts_with_a_wrong_date(machine: Machine) -> None:
    """What was stored last tells the time, until the date has stood for a day."""
    cautious = CautiousClock()
    cautious.begin(NOW - YEAR_NS)
    assert cautious.now_ns() == NOW - YEAR_NS
    machine.go_on(BELIEVED_AFTER_NS)
    assert cautious.now_ns() == machine.wall


def test_a_new_collector(machine: Machine) -> None:
    """Where nothing was stored, any date is believed."""
    cautious = CautiousClock()
    cautious.begin(None)
    assert cautious.now_ns() == machine.wall
