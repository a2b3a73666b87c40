"""What dead processes left, damaged or of another version: the rest of it is delivered."""

from __future__ import annotations

from pathlib import Path

import pytest

from pylogtap import segment
from pylogtap.shipper import deliver_orphans
from pylogtap.spool import Spool
from tests.support.receiver import Receiver, ReceiverTransport
from tests.unit.client.test_spool import delivered, small_spool, write
from tests.unit.client.test_spool_disk import kill


@pytest.mark.parametrize("place", [0, 7, 9, 23, 30, 33])
def test_a_header_that_is_damaged(tmp_path: Path, place: int) -> None:
    """Whichever byte of it: the file is set aside. With another id its records would be stored once more."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    path = queue.current.path
    assert path is not None
    queue.current.memory[place] ^= 0x01
    kill(queue)

    assert delivered(tmp_path / "s") == []
    assert [each.name for each in (tmp_path / "s").iterdir()] == [Path(path).name + ".damaged"]


def test_a_header_from_before_checks(tmp_path: Path) -> None:
    """A segment of an earlier version of this library, without a check in its header, is delivered."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    queue.current.memory[32:40] = bytes(8)
    kill(queue)

    assert delivered(tmp_path / "s") == [1]
    assert list((tmp_path / "s").iterdir()) == []


@pytest.mark.parametrize("magic", [b"PLTSEG0\0", b"PLTSEG2\0"])
def test_segments_of_another_version(tmp_path: Path, magic: bytes) -> None:
    """They stay, with their owner, for a program that can read them; what can be read is delivered."""
    queue = small_spool(tmp_path / "s")
    for value in range(200):
        write(queue, value)
    first = queue.waiting()[0]
    first.memory[:8] = magic
    kill(queue)

    found = delivered(tmp_path / "s")
    assert found == list(range(200))[-len(found) :]
    assert len(found) > 50
    assert sorted(path.suffix for path in (tmp_path / "s").iterdir()) == [".own", ".seg"]
    assert delivered(tmp_path / "s") == []


def test_one_orphan_that_breaks_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one dead process left, and nobody can deliver, does not keep the others' records."""
    for value in range(3):
        queue = small_spool(tmp_path / "s")
        write(queue, value)
        kill(queue)
    receiver = Receiver()
    transport = ReceiverTransport(receiver)
    broken: list[bytes] = []
    send = transport.send

    def fail_the_first(stream: bytes, *rest: object) -> object:
        broken.append(stream) if not broken else None
        if stream == broken[0]:
            raise ValueError("nobody has foreseen this")
        return send(stream, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(transport, "send", fail_the_first)
    report = deliver_orphans(str(tmp_path / "s"), frozenset(), transport, lambda _: None)

    assert (report.processes, report.left) == (2, 1)
    assert len(receiver.records()) == 2
    assert delivered(tmp_path / "s") != []


def test_a_torn_end_is_noticed(tmp_path: Path) -> None:
    """Bytes behind the last frame that are none are set aside and counted, not passed over in silence."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    write(queue, 2)
    end = queue._offset
    queue.current.words[(end >> 2) + 2] = 0xABCDEF
    kill(queue)
    receiver = Receiver()

    report = deliver_orphans(str(tmp_path / "s"), frozenset(), ReceiverTransport(receiver), lambda _: None)

    assert [record[1] for record in receiver.records()] == [1, 2]
    assert report.set_aside == 1
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["set-aside.frames"]


def test_what_stands_behind_a_segment(tmp_path: Path) -> None:
    """What somebody has appended to a file is no part of the segment."""
    folder = tmp_path / "s"
    folder.mkdir()
    queue = Spool(str(folder), lambda _: [])
    write(queue, 1)
    assert queue.current.path is not None
    with Path(queue.current.path).open("ab") as file:
        file.write(b"more" * 999)
    kill(queue)

    assert delivered(folder) == [1]
    assert segment.SUFFIX not in {path.suffix for path in folder.iterdir()}
