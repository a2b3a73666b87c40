"""Bodies that inflate to a multiple, and clients that connect and say nothing, while others ask."""

from __future__ import annotations

import http.client
import socket
import threading
import time
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pylogtap.wire import CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.promises import Seen

MOST_MS = 50
MOST_MIB = 64
TOO_LARGE = 413
_GZIP = 31  # zlib's number for the largest window, with gzip's header
_INFLATED_MIB = 256  # of a bomb: eight times what is taken
_STREAM = "0" * 32
_SILENT = (b"", b"POST /api/v1/ingest HTTP/1.1\r\nHost: a\r\n", b"POST /api/v1/logs HTTP/1.1\r\nHost: a\r\n"
           b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")  # fmt: skip


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
        self._collector, self._silent = collector, silent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._throw, args=(bomb(_INFLATED_MIB),), daemon=True)
        self._open = ExitStack()
        self.answers: list[int] = []

    def __enter__(self) -> Attack:
        for number in range(self._silent):
            client = self._open.enter_context(socket.create_connection(("127.0.0.1", self._collector.port)))
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
        while not self._stop.wait(0.05):
            connection = http.client.HTTPConnection("127.0.0.1", self._collector.port, timeout=30)
            connection.request("POST", f"/api/v1/ingest?stream={_STREAM}&offset=4096", body, headers)
            self.answers.append(connection.getresponse().status)
            connection.close()


def ask_for(collector: CollectorProcess, seconds: float) -> list[float]:
    """Ask for the newest records again and again; return the milliseconds of each answer, sorted."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=30)
    spent, ends = [], time.monotonic() + seconds
    while time.monotonic() < ends:
        began = time.perf_counter()
        connection.request("GET", "/api/v1/logs?limit=20")
        connection.getresponse().read()
        spent.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)
    connection.close()
    return sorted(spent)


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has had (source: proc(5), VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"the kernel does not tell VmHWM in /proc/{pid}/status")


def prove_bombs(ground: Ground) -> Iterator[Seen]:
    """Throw bombs, and be silent, while somebody asks for records."""
    with ground.campaign() as (campaign, collector):
        campaign.start("--rate", "500").finish()
        ask_for(collector, 0.2)  # what is loaded by the first question
        before = peak_mib(collector.pid)
        with Attack(collector, silent=ground.often(30, 100, 300)) as attack:
            spent = ask_for(collector, ground.often(1, 5, 30))
        grown = peak_mib(collector.pid) - before
        usual, most = spent[len(spent) // 2], spent[len(spent) * 99 // 100]
        figure = (
            f"{len(attack.answers)} bombs refused, 99 of 100 answers within {most:.0f} ms (median {usual:.0f} ms), "
            f"{max(0.0, grown):.0f} MiB more"
        )
        fast = most < MOST_MS or not ground.measured
        refused = attack.answers != [] and set(attack.answers) == {TOO_LARGE}
        if not refused:
            figure += f", statuses {sorted(set(attack.answers))}"
        yield ground.seen("bombs-and-silence", figure, kept=refused and fast and grown < MOST_MIB)
