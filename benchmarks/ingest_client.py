"""
One client of bench_ingest.py: fills segments beforehand, and sends them as fast as the answers come.

::

    python -m benchmarks.ingest_client URL SEED SLICE_BYTES zstd|plain

The key that it shows, if any, comes from PYLOGTAP_KEY. Prints `ready` when its segments are filled; begins
when it reads a number of seconds; then prints a report.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.slices import build_stream
from pylogtap.wire import CONTENT_TYPE

if TYPE_CHECKING:
    from benchmarks.slices import Slice, Stream

STREAMS = 4  # different segments, sent again and again under fresh ids


@dataclass
class Report:
    """
    What a client saw.

    Attributes:
        records: Records that were acknowledged.
        bytes: Bytes of bodies sent for them.
        latencies_ms: From sending a slice to its acknowledgement.
        refused: Answers that asked to wait.
        began: When the first slice went out, on the clock of time.monotonic.
        ended: When the last answer came.
    """

    records: int = 0
    bytes: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    refused: int = 0
    began: float = 0.0
    ended: float = 0.0


class Client:
    """Sends streams over one kept-open connection."""

    def __init__(self, url: str, encoding: str) -> None:
        """
        Connect with the first slice.

        Args:
            url: The collector's address.
            encoding: `zstd` or `plain`.
        """
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._headers = {"Content-Type": CONTENT_TYPE}
        if encoding != "plain":
            self._headers["Content-Encoding"] = encoding
        if key := os.environ.get("PYLOGTAP_KEY"):
            self._headers["Authorization"] = f"Bearer {key}"
        self.report = Report()

    def run(self, streams: list[Stream], seconds: float) -> Report:
        """Send for some seconds, and return what happened."""
        self.report.began = time.monotonic()
        end = self.report.began + seconds
        for stream in itertools.cycle(streams):
            identity = stream.fresh_id().hex()
            for part in stream.slices:
                self._deliver(identity, part)
                if time.monotonic() >= end:
                    self.report.ended = time.monotonic()
                    return self.report
        raise AssertionError("there are no streams")

    def _deliver(self, stream: str, part: Slice) -> None:
        while True:
            began = time.perf_counter()
            path = f"/api/v1/ingest?stream={stream}&offset={part.offset}"
            headers = {**self._headers, "Pylogtap-Sent": str(time.time_ns())}
            self._connection.request("POST", path, part.body, headers)
            answer = self._connection.getresponse()
            body = answer.read()
            if answer.status in {429, 503}:
                self.report.refused += 1
                time.sleep(min(1.0, float(answer.getheader("Retry-After") or 1)))
                continue
            if answer.status != 200 or json.loads(body)["next"] != part.following:
                raise RuntimeError(f"HTTP {answer.status} to offset {part.offset}: {body[:300]!r}")
            self.report.latencies_ms.append((time.perf_counter() - began) * 1e3)
            self.report.records += part.records
            self.report.bytes += len(part.body)
            return


def main() -> None:
    """Prepare, wait for the start, send, report."""
    url, seed, slice_bytes, encoding = sys.argv[1:]
    streams = [
        build_stream(
            int(seed) * STREAMS + number,
            f"bench/shop/web-{seed}",
            int(slice_bytes),
            compress=encoding == "zstd",
        )
        for number in range(STREAMS)
    ]
    print("ready", flush=True)
    report = Client(url, encoding).run(streams, float(sys.stdin.readline()))
    print(json.dumps(vars(report)), flush=True)


if __name__ == "__main__":
    main()
