"""Delivery slice by slice, to a collector's side in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgpack
import pytest

from pylogtap.delivery import Delivery
from pylogtap.spool import Spool
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
