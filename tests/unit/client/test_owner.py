"""The lock of a spool: the file that others see is the one that is held, whoever makes segments at once."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from pylogtap.owner import OWNER_SUFFIX, Owner
from pylogtap.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

STEM = "1-0123456789ab"
PAYLOAD = b"\x93\x00\x01\x02"
_LATE_S = 0.3


def is_held(owner: Owner, path: Path) -> bool:
    """Tell whether a file is the one whose lock an owner has; opening it here would give the lock up."""
    return os.path.samestat(path.stat(), os.fstat(owner.fd))


def let_two_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the first who has made the file visible from going on until a second one has, or is late."""
    rename, second, calls = os.rename, threading.Event(), iter(range(100))

    def slowly(source: str, target: str) -> None:
        number = next(calls)
        rename(source, target)
        if number:
            second.set()
        second.wait(_LATE_S)

    monkeypatch.setattr(os, "rename", slowly)


def at_once(*works: threading.Thread) -> None:
    """Run threads to their end."""
    for work in works:
        work.start()
    for work in works:
        work.join(30)
        assert not work.is_alive()


def test_two_threads_take_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both find it taken, and the file that others see is the locked one."""
    owner = Owner()
    let_two_meet(monkeypatch)
    at_once(*(threading.Thread(target=owner.take, args=(str(tmp_path), STEM)) for _ in range(2)))
    assert owner.is_seen(STEM)
    assert is_held(owner, tmp_path / f"{STEM}{OWNER_SUFFIX}")
    owner.release(str(tmp_path), STEM, left=False)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_removed_is_made_again(tmp_path: Path) -> None:
    """Somebody removes it, or moves all of the directory away: then it is taken anew, where others look."""
    owner, folder = Owner(), tmp_path / "spool"
    folder.mkdir()
    owner.take(str(folder), STEM)
    (folder / f"{STEM}{OWNER_SUFFIX}").unlink()
    assert not owner.is_seen(STEM)
    owner.take(str(folder), STEM)
    folder.rename(tmp_path / "away")
    folder.mkdir()
    owner.take(str(folder), STEM)
    assert is_held(owner, folder / f"{STEM}{OWNER_SUFFIX}")
    assert not owner.is_seen("2-0123456789ab")
    owner.release(str(folder), STEM, left=False)


def test_a_call_behind_the_end_meets_the_shipper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A line is logged behind the end while the thread that delivers is still about to make a spare segment.

    Each segment that then is there has the owner's file beside it, locked: else another process would take
    it for a dead program's, and remove the file before the line is in it.
    """
    spool = Spool(str(tmp_path), lambda _: [PAYLOAD])
    spool.close()
    let_two_meet(monkeypatch)
    logged = threading.Event()

    def log() -> None:
        spool.append(PAYLOAD, spool.table)
        logged.set()

    def ship() -> None:
        while not logged.is_set():
            spool.prepare_spare()

    at_once(threading.Thread(target=log), threading.Thread(target=ship))
    spool.prepare_spare()
    stems = {"-".join(path.name.split("-")[:2]) for path in tmp_path.glob("*.seg")}
    assert stems == {spool.stem}
    assert is_held(spool._owner, tmp_path / f"{spool.stem}{OWNER_SUFFIX}")
    spool.close()
