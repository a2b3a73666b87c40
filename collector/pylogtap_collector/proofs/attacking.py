"""Bodies that inflate to a multiple, and clients that say nothing, both while others ask and store."""

from __future__ import annotations

import http.client
import socket
import threading
import time
import zlib
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from pylogtap.wire import CONTENT_TYPE, HEADER_SIZE
from pylogtap_collector.proofs.bystander import watching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.promises import Seen

MOST_MS, MOST_MIB = 50, 64
_REFUSALS = {413, 503}  # too large; too many at once
_GZIP = 31  # zlib's number for the largest window, with gzip's header
_INFLATED_MIB = 256  # of a bomb: eight times what is taken
_STREAM = "0" * 32
_HALF_A_HEADER = b"POST /api/v1/ingest HTTP/1.1\r\nHost: a\r\n"
_HALF_A_BODY = b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
_SILENT = (b"", _HALF_A_HEADER, _HALF_A_HEADER.replace(b"ingest", b"logs") + _HALF_A_BODY)


def bomb(mebibytes: int) -> bytes:
    """Return zeros, packed to a thousandth."""
    packer = zlib.compressobj(1, wbits=_GZIP)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(mebibytes)) + packer.flush()


class Attack:
    """
    Throws bombs at a collector from a thread, beside clients that have connected and say nothing.

    Attributes:
        answers: Status of each bomb.
    """

    def __init__(self, collector: CollectorProcess, silent: int) -> None:
        """
        Bind a collector.

        Args:
            collector: The target.
            silent: How many clients say nothing, half a header, or half a body.
        """
        self._port, self._silent = collector.port, silent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._throw, args=(bomb(_INFLATED_MIB),), daemon=True)
        self._open = ExitStack()
        self.answers: list[int] = []

    def __enter__(self) -> Self:
        for number in range(self._silent):
            client = self._open.enter_context(socket.create_connection(("127.0.0.1", self._port)))
            with suppress(OSError):  # it need not listen
                client.sendall(_SILENT[number % len(_SILENT)])
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._open.close()

    def _throw(self, body: bytes) -> None:
        headers = {"Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip"}
        path = f"/api/v1/ingest?stream={_STREAM}&offset={HEADER_SIZE}"
        while not self.answers or not self._stop.wait(0.05):
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            connection.request("POST", path, body, headers)
            self.answers.append(connection.getresponse().status)
            connection.close()


def prove_attack(ground: Ground) -> Iterator[Seen]:
    """Throw bombs, and be silent, while somebody asks and stores."""
    with ground.campaign() as (_, collector):
        with watching(collector):
            time.sleep(0.2)  # what is loaded by the first requests is no part of it
        with watching(collector) as watch, Attack(collector, silent=ground.often(30, 100, 300)) as attack:
            time.sleep(ground.often(1, 5, 30))
    refused = set(attack.answers) <= _REFUSALS and attack.answers != []
    fast = watch.seen.p99_ms() < MOST_MS
    figure = f"{len(attack.answers)} bombs; {watch.seen}"
    if not refused or watch.seen.failed:
        figure += f"; statuses {sorted(set(attack.answers))}, others refused: {watch.seen.failed[:1]}"
    kept = refused and not watch.seen.failed and watch.seen.grown_mib < MOST_MIB
    yield ground.seen("bombs-and-silence", figure, kept=kept, in_time=fast)
