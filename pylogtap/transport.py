"""One way to send: a slice by HTTP POST, and what the collector's answer means."""

from __future__ import annotations

import http.client
import io
import json
import select
import time
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pylogtap.wire import CONTENT_TYPE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 20.0  # for all of an answer: one that drips in must not hold the thread
_LONGEST_ANSWER = 1 << 20  # bytes
_LONGEST_REPLY = 2 << 20  # bytes of it and of its headers; those could be endless
_WORTH_COMPRESSING = 512  # bytes
_PACE_S = 0.2


class Verdict(Enum):
    """What to do after an attempt."""

    GO_ON = "go on from `next`"
    WAIT = "try the same again later"
    SPLIT = "send less at once"
    SET_ASIDE = "a frame is damaged: go on behind it"
    NARROW = "send less at once, to find what it is that is not taken"


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How an attempt went.

    Attributes:
        verdict: What to do now.
        following: Offset from which to go on, where the collector said so.
        frame: Offset of the damaged frame.
        wait_s: Seconds the collector asked to wait, or None.
        error: What went wrong, for people.
        words: What the collector asks of this program.
        refused: Somebody has to change something first: the key, or the address.
        status: Of the answer that asks to wait; 0: there was none.
    """

    verdict: Verdict
    following: int = 0
    frame: int = 0
    wait_s: float | None = None
    error: str | None = None
    words: dict[str, Any] | None = None
    refused: bool = False
    status: int = 0


class _Incoming(io.RawIOBase):
    """What comes by a socket, up to a time and a size; a socket's own timeout begins anew with each byte."""

    def __init__(self, sock: socket.socket, meanwhile: Callable[[], object]) -> None:
        self._sock, self._meanwhile = sock, meanwhile
        self._file = sock.makefile("rb", buffering=0)  # keeps the socket open, as http.client expects
        self._deadline = time.monotonic() + ANSWER_TIMEOUT_S
        self._room = _LONGEST_REPLY

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0 or self._room <= 0:
            raise TimeoutError("the answer did not come to its end in time")
        self._let_time_pass()
        self._sock.settimeout(max(_PACE_S, self._deadline - time.monotonic()))
        count = self._file.readinto(buffer)
        self._room -= count or 0
        self._sock.settimeout(ANSWER_TIMEOUT_S)
        return count

    def _let_time_pass(self) -> None:
        """Wait until something has come, and do what is to be done meanwhile."""
        poll = getattr(select, "poll", None)  # eventlet takes it away
        pending = getattr(self._sock, "pending", None)  # of TLS: bytes that were read and not asked for yet
        if poll is None or (pending is not None and pending()):
            return
        poller = poll()
        poller.register(self._sock, select.POLLIN)
        while not poller.poll(_PACE_S * 1000) and time.monotonic() < self._deadline:
            self._meanwhile()

    def close(self) -> None:
        self._file.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that has to be complete within a time, however it comes."""

    def __init__(
        self,
        meanwhile: Callable[[], object],
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method)
        self.fp.close()
        self.fp = io.BufferedReader(_Incoming(sock, meanwhile))


class Transport:
    """
    A kept-open connection to one collector.

    Attributes:
        meanwhile: Called now and then while an answer is awaited: what waits must not lie in memory for long.
    """

    def __init__(
        self, url: str, key: str | None, version: str, heed: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        """
        Remember where to send; connects when something is sent.

        Args:
            url: The collector's address.
            key: Proves that we may deliver.
            version: The client's version.
            heed: Gets what the collector asks of this program; None: it is not listened to.
        """
        self._heed = heed
        self._parts = urlsplit(url)
        self._headers = {"Content-Type": CONTENT_TYPE, "Pylogtap-Client": version}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._compress, encoding = _compressor()
        if encoding:
            self._encoding = {"Content-Encoding": encoding}
        self._connection: http.client.HTTPConnection | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def send(self, stream: bytes, offset: int, body: bytes, skipped_from: int | None = None) -> Outcome:
        """
        Post one slice.

        Args:
            stream: The segment's id.
            offset: Where the slice begins in it.
            body: The slice.
            skipped_from: Begin of what was set aside right before it.
        """
        path = f"{self._parts.path}/api/v1/ingest?stream={stream.hex()}&offset={offset}"
        if skipped_from is not None:
            path += f"&skipped_from={skipped_from}"
        headers = {**self._headers, "Pylogtap-Sent": str(time.time_ns())}
        if self._compress is not None and len(body) > _WORTH_COMPRESSING:
            body = self._compress(body)
            headers.update(self._encoding)
        try:
            status, answer, retry_after = self._exchange(path, body, headers)
        except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: no name of a host
            self.close()
            return Outcome(Verdict.WAIT, error=f"{type(error).__name__}: {error}")
        outcome = _judge(status, answer, retry_after)
        if outcome.words and self._heed is not None:
            self._heed(outcome.words)
        return outcome

    def close(self) -> None:
        """Close the connection; the next slice opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _pass_time(self) -> None:
        self.meanwhile()

    def _exchange(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str | None]:
        connection = self._connection or self._connect()
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = response.read(_LONGEST_ANSWER)
        if response.will_close or not response.isclosed():  # not closed: there is more than anybody reads
            self.close()
        return response.status, answer, response.getheader("Retry-After")

    def _connect(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._parts.hostname or "127.0.0.1", self._parts.port, timeout=CONNECT_TIMEOUT_S)
        connection.response_class = partial(_Answer, self._pass_time)  # type: ignore[assignment]
        connection.set_debuglevel(0)  # a program that prints, and logs, what is sent would feed itself by us
        connection.connect()
        connection.sock.settimeout(ANSWER_TIMEOUT_S)
        self._connection = connection
        return connection


def _judge(status: int, answer: bytes, retry_after: str | None) -> Outcome:
    """Read an answer; the protocol is described in docs/reference/wire-format.md."""
    document = _document(answer)
    following = document.get("next")
    if status == 200 and type(following) is int:  # True is an int as well
        words = document.get("words")
        return Outcome(Verdict.GO_ON, following, words=words if isinstance(words, dict) else None)
    reason = document.get("detail") or document.get("title") or answer[:200].decode(errors="replace")
    error = f"HTTP {status}: {reason}"
    if status == 400 and document.get("code") == "damaged_frame" and type(following) is int:
        frame = document.get("frame")
        return Outcome(Verdict.SET_ASIDE, following, frame if type(frame) is int else 0, error=error)
    if status == 413:
        return Outcome(Verdict.SPLIT, error=error)
    if status in {400, 422}:
        return Outcome(Verdict.NARROW, error=error, status=status)
    elsewhere = 300 <= status < 400  # we do not follow: the key is for this address
    refused = elsewhere or status in {401, 403, 404}
    wait_s = 30.0 if refused else None
    if retry_after is not None:
        wait_s = _seconds(retry_after)
    return Outcome(Verdict.WAIT, wait_s=wait_s, error=error, refused=refused, status=status)


def _document(answer: bytes) -> dict[str, Any]:
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _seconds(retry_after: str) -> float | None:
    """Read Retry-After, seconds or an HTTP date (RFC 9110, 10.2.3)."""
    try:
        return min(3600.0, max(0.0, float(retry_after)))
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - hardly anybody sends a date

    try:
        return min(3600.0, max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time()))
    except (ValueError, TypeError, OverflowError):
        return None


def _compressor() -> tuple[Callable[[bytes], bytes] | None, str]:
    """Return zstd where it is installed; without it slices travel as they are."""
    try:
        import zstandard  # noqa: PLC0415 - optional, and only the shipping thread needs it
    except ImportError:
        return None, ""
    return zstandard.ZstdCompressor(level=1).compress, "zstd"
