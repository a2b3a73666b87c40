"""The spool where something around it misbehaves: a full disk, a folder that goes, foreign files, clocks."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pylogtap import segment, spool
from pylogtap.client import destination_directory
from pylogtap.delivery import Delivery
from pylogtap.orphans import adopt
from pylogtap.settings import load
from pylogtap.spool import DROPPED, STORED, Spool, open_stems
from tests.support.receiver import Receiver, ReceiverTransport
from tests.unit.client.test_spool import SMALL, delivered, small_spool, write


def refuse(*_: object) -> None:
    """Reserve no room, as a full disk."""
    raise OSError(28, "No space left on device")


def records_of(queue: Spool) -> list[Any]:
    """Ship all that waits in a living spool, and return the records' values."""
    receiver = Receiver()

    for each in queue.waiting():
        Delivery(ReceiverTransport(receiver), lambda _: None).deliver(
            each, queue.reserved_end(each), alive=True
        )
    return [record[1] for record in receiver.records()]


def descriptors() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def kill(queue: Spool) -> None:
    """Let go of a spool as the kernel does when its process dies."""
    os.close(queue._owner.fd)
    open_stems.discard(queue.stem)


def test_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a full disk cannot take waits in bounded memory; what is beyond is counted; then files go on."""
    queue = small_spool(tmp_path / "s")
    monkeypatch.setattr(spool, "MEMORY_BYTES", 3 * SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", refuse)
        states = [write(queue, value) for value in range(1000)]
    kept = states.count(STORED)
    queue._retry_at = 0.0

    assert states == [STORED] * kept + [DROPPED] * (1000 - kept)
    assert queue.dropped == {"disk_full": 1000 - kept}
    assert len([each for each in queue.waiting() if each.path is None]) == 3
    assert 0 < queue.unsent_records(in_memory=True) < queue.unsent_records() == kept
    assert write(queue, 1000) == STORED
    assert queue.current.path is not None
    assert records_of(queue) == [*range(kept), 1000]
    queue.close()


def test_fork_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that finds the disk full counts what it drops, and uses up neither files nor descriptors."""
    queue = small_spool(tmp_path / "s")
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    monkeypatch.setattr(spool, "MEMORY_BYTES", 2 * SMALL)
    monkeypatch.setattr(spool, "_RETRY_AFTER_S", 0.0)  # each call tries
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        states = [write(queue, value) for value in range(600)]
        told = f"{states.count(STORED)} {queue.dropped['disk_full']} {descriptors()}"
        os.write(writer, told.encode())
        os._exit(0)
    os.waitpid(child, 0)
    stored, dropped, held = map(int, os.read(reader, 100).split())
    os.close(reader)
    os.close(writer)

    assert stored > 0
    assert stored + dropped == 600
    assert held <= descriptors() + 4
    assert len(list((tmp_path / "s").glob("*.own"))) <= 2
    queue.close()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no first segment can be made, no owner file and no descriptor is left behind."""
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    before = descriptors()

    with pytest.raises(OSError, match="No space left"):
        small_spool(tmp_path / "s")

    assert list((tmp_path / "s").iterdir()) == []
    assert descriptors() == before


@pytest.mark.parametrize("how", ["removed", "moved", "owner removed"])
def test_a_directory_that_goes_away(tmp_path: Path, how: str) -> None:
    """Somebody cleans up: the next segment is made in a directory made anew, and others can adopt it."""
    folder = tmp_path / "s"
    queue = small_spool(folder, on_missing=folder.mkdir)
    write(queue, 0)
    if how == "removed":
        shutil.rmtree(folder)
    elif how == "moved":
        folder.rename(tmp_path / "elsewhere")
    else:
        (folder / f"{queue.stem}.own").unlink()
    written = range(1, 400)
    assert {write(queue, value) for value in written} == {STORED}
    assert queue.dropped == {}
    first_in_files = len(records_of(queue))
    kill(queue)

    found = delivered(folder)
    assert first_in_files == 400
    assert found == list(range(400))[-len(found) :]
    assert len(found) > 200
    assert list(folder.iterdir()) == []


def test_a_destination_that_was_left_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note of the destination that a full disk or a power cut left empty is written again."""
    monkeypatch.setenv("PYLOGTAP_SPOOL_DIR", str(tmp_path))
    folder = destination_directory(load())
    note = tmp_path / folder / "destination"
    told = note.read_text()
    note.write_text("")

    destination_directory(load())

    assert note.read_text() == told != ""


@pytest.mark.parametrize("name", [".own", "1.own", "{pid}.own", "{pid}-.own", "notes.own"])
def test_owner_files_of_nobody(tmp_path: Path, name: str) -> None:
    """A file that only looks like an owner file has nobody's segments taken from a living process."""
    queue = small_spool(tmp_path / "s")
    write(queue, 1)
    name = name.format(pid=queue.stem.partition("-")[0])
    (tmp_path / "s" / name).touch()

    assert list(adopt(str(tmp_path / "s"), frozenset({queue.stem}))) == []
    assert queue.current.path is not None
    assert Path(queue.current.path).exists()
    queue.close()


def test_segments_are_adopted_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set back while a process logs does not mix up what it has left."""
    queue = small_spool(tmp_path / "s")
    now = time.time_ns()
    for value in range(600):
        monkeypatch.setattr(time, "time_ns", lambda value=value: now - value * 10**12)
        assert write(queue, value) == STORED
    assert len(queue.full) > 3
    kill(queue)

    assert delivered(tmp_path / "s") == list(range(600))


def test_a_spare_that_comes_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spare segment that is ready when calls have taken its room themselves is removed again."""
    queue = Spool(str(tmp_path), lambda _: [], max_bytes=2 * SMALL, segment_bytes=SMALL)
    create = queue._create

    def create_late() -> Any:
        fresh = create()
        while len(queue.full) < 1:
            write(queue, 1)
        return fresh

    monkeypatch.setattr(queue, "_create", create_late)
    with monkeypatch.context() as patch:
        patch.setattr(queue, "_create_in_bounds", create)
        queue.prepare_spare()
    assert queue._spare is None
    assert len(list(tmp_path.glob("*.seg"))) == 2
    queue.close()


def test_a_spare_that_is_made_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes waits for it: a file without an owner would have to be looked at by people."""
    queue, making = small_spool(tmp_path / "s"), threading.Event()
    create = segment.create_file

    def slowly(*arguments: Any) -> segment.Segment:
        made = create(*arguments)
        making.set()
        time.sleep(0.2)
        return made

    monkeypatch.setattr(segment, "create_file", slowly)
    maker = threading.Thread(target=queue.prepare_spare)
    maker.start()
    assert making.wait(10)
    queue.close()
    assert list((tmp_path / "s").iterdir()) == []
    maker.join()
    queue.prepare_spare()
    assert list((tmp_path / "s").iterdir()) == []
