"""A real collector with something in it, that is put back as it was when a request destroys that."""

from __future__ import annotations

import asyncio
import shutil
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pylogtap_collector.daemon import serving
from pylogtap_collector.proofs.daemon import free_port
from pylogtap_collector.settings import Settings
from tests.contract.seed import KEY, PROJECT, Seeds, plant, send

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOUSE = "http://127.0.0.1:9"  # discard: nothing listens, so a trial ends at once and nobody is called


class Ground:
    """
    A collector that was given projects, records, metrics and, unless it is open, users and keys.

    It runs in a thread of this process: so it is there again within a moment.

    Attributes:
        url: Its address, which stays.
        seeds: What was put in.
        restored: How often it was put back.
    """

    def __init__(self, folder: Path, *, guarded: bool) -> None:
        """
        Choose a port; :func:`grounds` starts it.

        Args:
            folder: Of its database, and of the copy that it is put back from.
            guarded: Whether it has users and keys; otherwise it is open to this machine.
        """
        self.guarded = guarded
        self._data, self._kept = folder / "data", folder / "kept"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.seeds = Seeds()
        self.restored = 0
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def root(self) -> str | None:
        """The key of the environment, which no request can end; None: the collector is open."""
        return KEY if self.guarded else None

    def prepare(self) -> None:
        """Fill it, and keep a copy."""
        self._start()
        self.seeds = plant(self.url, guarded=self.guarded, elsewhere=_HOUSE)
        self.stop()
        shutil.copytree(self._data, self._kept)
        self._start()

    def put_back(self) -> None:
        """Begin again with the copy; it has the same users, keys and sessions."""
        self.stop()
        shutil.rmtree(self._data)
        shutil.copytree(self._kept, self._data)
        self._start()
        self.restored += 1

    def is_whole(self, headers: dict[str, str]) -> bool:
        """
        Tell whether somebody can come in as at first, and finds what there was.

        Args:
            headers: That he shows; none: nobody comes in, or everybody does.
        """
        reply = send(self.url, "GET", "/api/v1/me", headers=headers)
        if reply.status != 200:  # a key that is good for nothing any more
            return False
        as_at_first = reply.json["everywhere"], reply.json["projects"]
        if as_at_first != self.seeds.rights.setdefault(str(headers), as_at_first):
            return False
        kept = {"Authorization": f"Bearer {self.root}"} if self.root else {}
        return send(self.url, "GET", f"/api/v1/projects/{PROJECT}/services", headers=kept).has("checkout")

    def stop(self) -> None:
        """End it, as a signal would."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = self._loop = None

    def _start(self) -> None:
        started = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self._serve(started))
            except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits
                failed.append(error)
                started.set()

        self._thread = threading.Thread(target=run, name="collector")
        self._thread.start()
        started.wait()
        if failed:
            raise failed[0]

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        more: dict[str, Any] = {"key": KEY} if self.guarded else {}
        settings = Settings(
            data=self._data, port=self._port, adopt=False, outgoing=(_HOUSE,), reserve_bytes=0, **more
        )
        async with serving(settings):
            started.set()
            await self._stopping.wait()


@contextmanager
def grounds(folder: Path, *, guarded: bool) -> Iterator[Ground]:
    """
    Yield a collector that is filled and runs.

    Args:
        folder: Of its files.
        guarded: Whether it has users and keys.
    """
    ground = Ground(folder, guarded=guarded)
    ground.prepare()
    try:
        yield ground
    finally:
        ground.stop()
