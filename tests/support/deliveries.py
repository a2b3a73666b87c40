"""Deliver segments to a collector over HTTP, once or all the time."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from typing import TYPE_CHECKING

from pylogtap import wire
from tests.support.segments import SegmentBuilder, numbered_segment

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH = 20  # records of a slice
_PATIENCE_S = 60.0


def deliver_segment(url: str, segment: SegmentBuilder, start: int = wire.HEADER_SIZE) -> int:
    """
    Deliver a segment in one slice.

    Args:
        url: The collector's address.
        segment: The segment.
        start: Offset at which the slice begins.

    Returns:
        Where the collector wants to go on.
    """
    request = urllib.request.Request(
        f"{url}/api/v1/ingest?stream={segment.identity.hex()}&offset={start}",
        data=segment.slice(start),
        headers={"Content-Type": "application/vnd.pylogtap.slice"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        following: int = json.load(answer)["next"]
    return following


class Feed:
    """
    Sends numbered records all the time.

    Attributes:
        acknowledged: How many, from number 0 on, the collector has said it has.
        waits_s: How long each answer took.
    """

    def __init__(self, url: str, *, batch: int = _BATCH) -> None:
        """
        Send nothing yet.

        Args:
            url: The collector's address.
            batch: Records of a slice.
        """
        self.acknowledged = 0
        self.waits_s: list[float] = []
        self._url, self._batch = url, batch
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End behind the slice that is under way."""
        self._stop.set()
        self._thread.join()

    def wait_for(self, count: int) -> None:
        """Wait until so many records are acknowledged."""
        self._until(lambda: self.acknowledged >= count)

    def _until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, "the collector takes nothing"
            assert self._thread.is_alive(), "the feed has ended"
            time.sleep(0.01)

    def _run(self) -> None:
        while not self._stop.is_set():
            segment = numbered_segment(self._batch, first=self.acknowledged)
            began = time.perf_counter()
            deliver_segment(self._url, segment)
            self.waits_s.append(time.perf_counter() - began)
            self.acknowledged += self._batch
