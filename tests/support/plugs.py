"""Bytes over real sockets, as programs send them that know no protocol of ours."""

from __future__ import annotations

import socket
import time


def send(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send parts over a TCP connection, say that this is all, and return what was answered."""
    with socket.create_connection(("127.0.0.1", port)) as plug:
        for part in parts:
            plug.sendall(part)
            time.sleep(pause_s)
        plug.shutdown(socket.SHUT_WR)
        answer = b""
        while data := plug.recv(4096):
            answer += data
        return answer


def send_datagrams(port: int, *parts: bytes) -> None:
    """Send datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        for part in parts:
            plug.sendto(part, ("127.0.0.1", port))
