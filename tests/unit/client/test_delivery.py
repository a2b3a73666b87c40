"""Delivery slice by slice, to a collector's side in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgpack
import pytest

from pylogtap.delivery import Delivery
from pylogtap.spool import Spool
from pylogtap.transport import Outcome, Verdict
from tests.support.receiver import Receiver, ReceiverTransport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECORDS = 40


def opening(_: Mapping[str, int]) -> list[bytes]:
    """Describe a process."""
    return [msgpack.packb([0, 0, {}])]


@pytest.mark.parametrize("second_slice", [17, 64, 200])
def test_records_of_a_lost_answer_are_counted_once(tmp_path: Path, second_slice: int) -> None:
    """The answer to a large slice is lost; sent again in smaller ones, each record counts as shipped once."""
    spool = Spool(str(tmp_path), opening)
    for number in range(RECORDS):
        spool.append(msgpack.packb([1, 1, number, None]), spool.table)
    receiver = Receiver(lose_answers=1)
    first = Delivery(ReceiverTransport(receiver), lambda _: None)
    end = spool.reserved_end(spool.current)
    assert first.deliver(spool.current, end, alive=True) is not None
    again = Delivery(ReceiverTransport(receiver), lambda _: None)
    again._limit = second_slice
    assert again.deliver(spool.current, end, alive=True) is None
    assert first.tally.records + again.tally.records == RECORDS
    assert [record[2] for record in receiver.records()] == list(range(RECORDS))
    spool.close()


class Picky(ReceiverTransport):
    """Refuses slices that hold a mark, and now and then everything."""

    def __init__(self, receiver: Receiver, mark: bytes, refusal: Verdict) -> None:
        super().__init__(receiver)
        self.mark, self.refusal = mark, refusal
        self.down_after: int | None = None  # requests until it cannot be reached any more
        self.sizes: list[int] = []

    def send(self, stream: bytes, offset: int, body: bytes, skipped_from: int | None = None) -> Outcome:
        """Refuse, or hand over."""
        self.sizes.append(len(body))
        if self.down_after is not None and len(self.sizes) > self.down_after:
            return Outcome(Verdict.WAIT, error="down")
        if self.mark in body:
            return Outcome(self.refusal, error="HTTP 400: no")
        return super().send(stream, offset, body, skipped_from)


def filled(folder: Path, bad: set[int], text: str) -> Spool:
    """Return a spool of records, some with a text that will be refused."""
    spool = Spool(str(folder), opening)
    for number in range(RECORDS):
        spool.append(msgpack.packb([1, 1, number, {"t": text if number in bad else ""}]), spool.table)
    return spool


@pytest.mark.parametrize("down_after", range(3, 40))
@pytest.mark.parametrize(
    ("refusal", "text"), [(Verdict.SPLIT, "bad" * 500), (Verdict.NARROW, "bad")], ids=["large", "bad"]
)
def test_refused_records_are_set_aside_once(
    tmp_path: Path, refusal: Verdict, text: str, down_after: int
) -> None:
    """Several in a row, with the collector gone at any moment, and later without its memory: once each."""
    bad = {3, 10, 11, 12}
    spool = filled(tmp_path, bad, text)
    transport = Picky(Receiver(), b"bad", refusal)
    aside: list[bytes] = []
    delivery = Delivery(transport, aside.append)
    end = spool.reserved_end(spool.current)
    transport.down_after = down_after
    delivery.deliver(spool.current, end, alive=True)
    transport.down_after = None
    assert delivery.deliver(spool.current, end, alive=True) is None
    good = [number for number in range(RECORDS) if number not in bad]
    assert [record[2] for record in transport.receiver.records()] == good
    transport.receiver = Receiver()
    spool.append(msgpack.packb([1, 1, RECORDS, None]), spool.table)
    assert delivery.deliver(spool.current, spool.reserved_end(spool.current), alive=True) is None
    assert [record[2] for record in transport.receiver.records()] == [*good, RECORDS]
    assert len(aside) == delivery.tally.set_aside == len(bad)
    assert delivery.tally.records == len(good) + 1
    assert spool.unsent_records() == 0
    spool.close()


@pytest.mark.parametrize("refusal", [Verdict.SPLIT, Verdict.NARROW])
def test_who_refuses_everything_gets_nothing_set_aside(tmp_path: Path, refusal: Verdict) -> None:
    """A server that says of each record that it is too large, or wrong, is no collector: all of it waits."""
    spool = filled(tmp_path, set(), "")
    transport = Picky(Receiver(), b"", refusal)
    aside: list[bytes] = []
    outcome = Delivery(transport, aside.append).deliver(
        spool.current, spool.reserved_end(spool.current), alive=True
    )
    assert outcome is not None
    assert outcome.refused
    assert outcome.verdict is Verdict.WAIT
    assert aside == []
    assert spool.unsent_records() == RECORDS
    assert len(transport.sizes) < 30
    spool.close()


def test_more_is_sent_at_once_again(tmp_path: Path) -> None:
    """One record that was refused does not make all later requests small."""
    spool = filled(tmp_path, {3}, "bad")
    transport = Picky(Receiver(), b"bad", Verdict.NARROW)
    delivery = Delivery(transport, lambda _: None)
    delivery.deliver(spool.current, spool.reserved_end(spool.current), alive=True)
    for number in range(5000):
        spool.append(msgpack.packb([1, 1, number, "x" * 50]), spool.table)
    transport.sizes.clear()
    assert delivery.deliver(spool.current, spool.reserved_end(spool.current), alive=True) is None
    assert max(transport.sizes) > 20 * transport.sizes[0]
    spool.close()


@pytest.mark.parametrize("following", [-8, 0, 8, 4095, 4100, 1 << 20, 1 << 40])
@pytest.mark.parametrize("verdict", [Verdict.GO_ON, Verdict.SET_ASIDE])
def test_answers_that_no_collector_gives(tmp_path: Path, following: int, verdict: Verdict) -> None:
    """An offset that lies outside of what was sent confirms nothing, and sets nothing aside."""

    class Liar(ReceiverTransport):
        def send(self, *_: object, **__: object) -> Outcome:
            return Outcome(verdict, following, frame=following - 16)

    spool = filled(tmp_path, set(), "")
    delivery = Delivery(Liar(Receiver()), lambda _: None)
    outcome = delivery.deliver(spool.current, spool.reserved_end(spool.current), alive=True)
    assert outcome is not None
    assert outcome.verdict is Verdict.WAIT
    assert (delivery.tally.records, delivery.tally.set_aside) == (0, 0)
    assert spool.unsent_records() == RECORDS
    spool.close()
