"""The spool: rotation, limits, loss notes, forks, adoption."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import orphans, spool, wire
from pylogtap.client import Client
from pylogtap.delivery import Delivery
from pylogtap.record import loss_payload, new_packer, process_payload, site_payload
from pylogtap.settings import load
from pylogtap.shipper import deliver_orphans
from pylogtap.spool import DROPPED, STALE, STORED, Spool
from tests.support.receiver import Receiver, ReceiverTransport
from tests.support.spooled import losses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SMALL = 16 << 10  # bytes: a segment that is soon full


def opening(lost: Mapping[str, int]) -> list[bytes]:
    """Begin a segment as a client does."""
    payloads = [process_payload("test", "host", "0")]
    return [*payloads, loss_payload("a/b/c", lost)] if lost else payloads


def small_spool(directory: Path, *, most: int = 1 << 30, **callbacks: Any) -> Spool:
    """Return a spool of small segments."""
    directory.mkdir(exist_ok=True)
    return Spool(str(directory), opening, max_bytes=most, segment_bytes=SMALL, **callbacks)


def write(queue: Spool, value: int, size: int = 100) -> int:
    """Append one record, defining its call site in each new segment; return the last state."""
    pack = new_packer().pack
    for _ in range(5):
        table = queue.table
        number = queue.define(
            table, table.numbers, "site", lambda n: site_payload(n, (0, "l", 9, "info", "t", "f", 1, "g", 0))
        )
        state = number if number <= 0 else queue.append(pack([number, value, "x" * size, None]), table)
        if state != STALE:
            return state
    return STALE


def delivered(directory: Path) -> list[Any]:
    """Deliver everything that dead processes left, and return the records' values."""
    receiver = Receiver()
    deliver_orphans(str(directory), frozenset(), ReceiverTransport(receiver), lambda _: None)
    return [record[1] for record in receiver.records()]


def test_rotation_keeps_order(tmp_path: Path) -> None:
    """Over many segments every record is delivered once, in order, and the files go away."""
    queue = small_spool(tmp_path / "s")
    for value in range(1000):
        assert write(queue, value) == STORED

    receiver = Receiver()
    delivery = Delivery(ReceiverTransport(receiver), lambda _: None)
    assert len(queue.waiting()) > 5
    for segment in queue.waiting():
        assert delivery.deliver(segment, queue.reserved_end(segment), alive=True) is None

    assert [record[1] for record in receiver.records()] == list(range(1000))
    assert queue.waiting() == []
    queue.close()
    assert list((tmp_path / "s").iterdir()) == []


def test_full(tmp_path: Path) -> None:
    """A full spool drops the newest, counts them, and tells of them once there is room again."""
    queue = small_spool(tmp_path / "s", most=3 * SMALL)
    states = [write(queue, value) for value in range(1000)]
    kept = states.count(STORED)
    assert states == [STORED] * kept + [DROPPED] * (1000 - kept)
    assert queue.dropped["spool_full"] == 1000 - kept

    for segment in queue.waiting():
        segment.acked = queue.reserved_end(segment)
    queue.waiting()
    while write(queue, 5) != STORED:
        pass

    assert losses(queue)["spool_full"] == queue.dropped["spool_full"]
    queue.close()


def test_losses_are_told_although_nobody_logs_any_more(tmp_path: Path) -> None:
    """What was dropped comes into the stream as soon as there is room, without waiting for another record."""
    queue = small_spool(tmp_path / "s", most=3 * SMALL)
    while write(queue, 1) == STORED:
        pass
    queue.tell_losses()  # no room yet
    assert losses(queue) == {}
    for segment in queue.waiting():
        segment.acked = queue.reserved_end(segment)
    queue.waiting()
    queue.tell_losses()
    assert losses(queue) == dict(queue.dropped)
    assert queue.waiting() == [queue.current]  # it will be delivered, although nothing else was logged
    told = queue.current
    queue.tell_losses()
    assert queue.current is told
    queue.close()


def test_a_full_spool_tells_its_losses_at_the_end(tmp_path: Path) -> None:
    """A process that ends with a full spool leaves word of what it dropped, for whoever delivers it."""
    queue = small_spool(tmp_path / "s", most=3 * SMALL)
    for value in range(1000):
        write(queue, value)
    queue.tell_last_losses()
    assert losses(queue) == dict(queue.dropped)
    assert queue.dropped["spool_full"] > 500
    queue.close()


def test_too_large(tmp_path: Path) -> None:
    """A payload that no segment can hold is dropped and counted, and nothing else suffers."""
    queue = small_spool(tmp_path / "s")

    assert write(queue, 1, size=SMALL) == DROPPED
    assert write(queue, 2) == STORED

    assert queue.dropped == {"too_large": 1}
    queue.close()


def test_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the directory cannot be used, records wait in memory, and it is said why."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PYLOGTAP_SPOOL_DIR", str(tmp_path / "file" / "spool"))

    client = Client(load())

    assert client.spool.directory is None
    assert client.memory_reason is not None
    assert "file/spool" in client.memory_reason
    client.shutdown()


def test_threads(tmp_path: Path) -> None:
    """Eight threads over many rotations lose nothing and write nothing twice."""
    queue = small_spool(tmp_path / "s")

    def work(thread: int) -> None:
        for value in range(500):
            assert write(queue, thread * 1000 + value) == STORED

    threads = [threading.Thread(target=work, args=(each,)) for each in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    queue.close()

    assert sorted(delivered(tmp_path / "s")) == sorted(t * 1000 + v for t in range(8) for v in range(500))


def test_signal_handlers_log(tmp_path: Path) -> None:
    """A signal handler that logs in the middle of a logging call neither hangs nor loses."""
    queue = small_spool(tmp_path / "s")
    fired: list[int] = []

    def on_alarm(*_: object) -> None:
        value = 1_000_000 + len(fired)
        fired.append(value)
        write(queue, value)
        signal.setitimer(signal.ITIMER_REAL, 0.0005)  # only now: on a busy machine it would never come back

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    try:
        for value in range(5000):
            write(queue, value)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    queue.close()

    assert fired
    assert sorted(delivered(tmp_path / "s")) == [*range(5000), *fired]


def test_fork(tmp_path: Path) -> None:
    """A forked child writes segments of its own; each side's records are delivered once."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)

    child = os.fork()
    if child == 0:
        write(queue, 2)
        os._exit(0)
    os.waitpid(child, 0)
    write(queue, 3)
    queue.close()

    assert sorted(delivered(tmp_path / "s")) == [1, 2, 3]


def test_living_processes_are_left_alone(tmp_path: Path) -> None:
    """What a living process holds is not adopted, and is once it is dead."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    reader, writer = os.pipe()

    child = os.fork()
    if child == 0:
        write(queue, 2)
        os.write(writer, b"up")
        signal.pause()
    os.read(reader, 2)
    found = [orphan.stem for orphan in orphans.adopt(str(tmp_path / "s"), frozenset({queue.stem}))]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    queue.close()

    assert found == []
    assert sorted(delivered(tmp_path / "s")) == [1, 2]


def test_late_lines_are_safe(tmp_path: Path) -> None:
    """What is logged after the end is kept for another process."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    queue.close()

    assert write(queue, 2) == STORED
    queue.close()

    assert sorted(delivered(tmp_path / "s")) == [1, 2]


def test_interrupted_calls_are_passed_over(tmp_path: Path) -> None:
    """A frame whose call died in it is passed over; what others wrote behind it is delivered."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    offset = queue._offset
    write(queue, 2)
    write(queue, 3)
    queue.current.words[offset >> 2] |= wire.RESERVED
    queue.close()

    assert delivered(tmp_path / "s") == [1, 3]


@pytest.mark.parametrize("damage", ["payload", "length", "zeros"])
def test_torn_segments(tmp_path: Path, damage: str) -> None:
    """Damage costs the frame it hit; what is sound around it is delivered."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    offset = queue._offset
    write(queue, 2)
    following = queue._offset
    write(queue, 3)
    if damage == "payload":
        queue.current.memory[offset + 20] ^= 0xFF
    elif damage == "length":
        queue.current.words[offset >> 2] += 64
    else:
        queue.current.memory[offset:following] = bytes(following - offset)
    queue.close()

    assert delivered(tmp_path / "s") == [1, 3]


def test_foreign_files(tmp_path: Path) -> None:
    """Files that are no segments stop nobody, and are kept out of the way."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    stem = queue.stem
    queue.close()
    (tmp_path / "s" / f"{stem}-empty.seg").write_bytes(b"")
    (tmp_path / "s" / f"{stem}-foreign.seg").write_bytes(b"not a segment" * 1000)
    (tmp_path / "s" / "README").write_text("hello")

    assert delivered(tmp_path / "s") == [1]
    assert sorted(path.suffix for path in (tmp_path / "s").iterdir()) == ["", ".damaged", ".damaged"]


def test_two_adopters(tmp_path: Path) -> None:
    """Several adopters racing for the same orphans deliver each record once."""
    for value in range(5):
        queue = small_spool(tmp_path / "s")
        write(queue, value)
        queue.close()

    read, wrote = os.pipe()
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            os.write(wrote, bytes(delivered(tmp_path / "s")))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    os.close(wrote)

    with os.fdopen(read, "rb") as result:
        assert sorted(result.read()) == [0, 1, 2, 3, 4]


def test_locked_append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interpreters without the guarantee that makes the lock unnecessary take it, with the same result."""
    monkeypatch.setattr(spool, "LOCKFREE", False)

    test_threads(tmp_path)


def test_what_is_left_at_the_end_is_small(tmp_path: Path) -> None:
    """A program that ends with something to deliver leaves little; who adopts it gets all."""
    queue = Spool(str(tmp_path), opening)
    for number in range(50):
        write(queue, number)
    queue.close()
    (path,) = tmp_path.glob("*.seg")
    assert path.stat().st_size < 16 << 10
    assert delivered(tmp_path) == list(range(50))
