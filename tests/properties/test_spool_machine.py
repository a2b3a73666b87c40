"""The spool as a state machine: whatever happens, what it took is delivered once, in order, unharmed."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgpack
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pylogtap.delivery import Delivery
from pylogtap.shipper import deliver_orphans
from pylogtap.spool import DROPPED, STALE, STORED, Spool, open_stems
from pylogtap.wire import RESERVED, frame_size
from tests.support.receiver import Receiver, ReceiverTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

SEGMENT_BYTES = 8 << 10
MOST_SEGMENTS = 4


class SpoolMachine(RuleBasedStateMachine):
    """
    Appends, ships, loses answers, crashes and recovers in any order.

    The model is the list of (process, number) that `append` returned STORED for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="spool-machine-")
        self.receiver = Receiver()
        self.transport = ReceiverTransport(self.receiver)
        self.set_aside: list[bytes] = []
        self.faults: list[str] = []
        self.stored: list[tuple[int, int]] = []
        self.dropped: Counter[str] = Counter()  # by the process that lives now
        self.process = self.last = 0
        self.crashed: list[Spool] = []  # stay mapped, as a kill would leave their pages with the kernel

    @initialize()
    def open(self) -> None:
        """Begin with a process that has just started."""
        self._open()

    def _open(self) -> None:
        self.process += 1
        self.dropped.clear()
        self.spool = Spool(
            self._folder.name,
            self._opening,
            max_bytes=MOST_SEGMENTS * SEGMENT_BYTES,
            segment_bytes=SEGMENT_BYTES,
        )
        self.delivery = Delivery(self.transport, self.set_aside.append)

    def _opening(self, losses: Mapping[str, int]) -> list[bytes]:
        return [msgpack.packb([0, 0, {}]), *([msgpack.packb([0, 4, 0, "p", dict(losses)])] if losses else [])]

    @rule(size=st.integers(0, 1500), count=st.integers(1, 20))
    def append(self, size: int, count: int) -> None:
        """Log some records."""
        for _ in range(count):
            self.last += 1
            payload = msgpack.packb([1, self.process, self.last, b"x" * size])
            state: int = STALE
            while state == STALE:
                state = self.spool.append(payload, self.spool.table)
            if state == STORED:
                self.stored.append((self.process, self.last))
            else:
                assert state == DROPPED
                self.dropped["spool_full"] += 1

    @rule()
    def append_giant(self) -> None:
        """Log what no segment can hold: it is counted, and nothing else is harmed."""
        state: int = STALE
        while state == STALE:
            state = self.spool.append(msgpack.packb([1, 0, 0, b"x" * SEGMENT_BYTES]), self.spool.table)
        assert state == DROPPED
        self.dropped["too_large"] += 1

    @rule()
    def prepare_spare(self) -> None:
        """Have the next segment ready, as the shipper does."""
        self.spool.prepare_spare()

    @rule()
    def tell_losses(self) -> None:
        """Tell what was dropped without waiting for the next segment, as the shipper does."""
        self.spool.tell_losses()

    @rule(limit=st.integers(1, SEGMENT_BYTES))
    def ship(self, limit: int) -> None:
        """Deliver with slices of any size."""
        self.delivery._limit = limit
        for segment in self.spool.waiting():
            if self.delivery.deliver(segment, self.spool.reserved_end(segment), alive=True) is not None:
                return

    @rule(count=st.integers(1, 3))
    def lose_answers(self, count: int) -> None:
        """Have the next slices stored without the sender learning of it."""
        self.receiver.lose_answers = count

    @rule(size=st.integers(1, 200), others=st.integers(0, 3))
    def crash_in_call(self, size: int, others: int) -> None:
        """Die between reserving a frame and committing it, while other threads went on behind it."""
        spool = self.spool
        if spool._offset + frame_size(size) <= spool._capacity:
            spool._words[spool._offset >> 2] = size | RESERVED
            spool._offset += frame_size(size)
        if others:
            self.append(size, others)
        self.crash()

    @rule()
    def crash(self) -> None:
        """Die: the kernel lets go of the lock, and the files stay as they are. Another process begins."""
        os.close(self.spool._owner.fd)
        open_stems.clear()  # those of a process
        self.crashed.append(self.spool)
        self._open()

    @rule()
    def close(self) -> None:
        """End in order, without delivering: another process begins."""
        self.spool.close()
        self.crashed.append(self.spool)
        self._open()

    @rule()
    @precondition(lambda self: self.crashed)
    def recover(self) -> None:
        """Deliver what the dead processes left; a lost answer may interrupt it."""
        deliver_orphans(self._folder.name, frozenset({self.spool.stem}), self.transport, self.faults.append)

    @invariant()
    def nothing_is_stored_twice_or_invented(self) -> None:
        """What the receiver has is what was stored, each record once."""
        counts = Counter(self._received())
        assert not [record for record, count in counts.items() if count > 1]
        assert counts.keys() <= set(self.stored)

    @invariant()
    def order_is_kept(self) -> None:
        """The records of one process arrive in the order in which it logged them."""
        last: dict[int, int] = {}
        for process, number in self._received():
            assert number > last.get(process, 0)
            last[process] = number

    @invariant()
    def drops_are_counted(self) -> None:
        """What did not fit is counted, by reason."""
        if hasattr(self, "spool"):
            assert self.spool.dropped == self.dropped

    def _received(self) -> list[tuple[Any, Any]]:
        return [(record[1], record[2]) for record in self.receiver.records()]

    def teardown(self) -> None:
        """Deliver all that is left: nothing is missing, and no file stays behind."""
        if hasattr(self, "spool"):
            self.receiver.lose_answers = 0
            self.ship(SEGMENT_BYTES)
            assert not self.spool.unsent_records()
            os.close(self.spool._owner.fd)
            open_stems.clear()
            deliver_orphans(self._folder.name, frozenset(), self.transport, self.faults.append)
            assert sorted(self._received()) == self.stored
            assert not self.set_aside
            assert not list(Path(self._folder.name).iterdir())
        self._folder.cleanup()


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
