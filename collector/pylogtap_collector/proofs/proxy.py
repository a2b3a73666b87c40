"""A proxy on the loopback that breaks connections where it hurts: after the request, before its answer."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress

_CHUNK = 1 << 16


class CuttingProxy:
    """
    Passes TCP on, and now and then lets the answer to a request that *was* passed on disappear.

    For an exchange of requests and answers on a kept-open connection: what comes back from the server is an
    answer, so the server has done what it was asked to when the cut comes.

    Attributes:
        port: Where it listens.
        refusing: While true, every connection is closed at once: the server seems to be down.
        silent: While true, connections are taken, and nothing is passed on or answered.
        cut: Share of the answers that disappear together with their connection.
        tear: Share of the pieces of requests behind whose first half the connection breaks.
        answers_cut: Answers that were not passed on.
        requests_torn: Requests of which only a part was passed on.
    """

    def __init__(self, target: tuple[str, int], rng: random.Random, *, cut: float, tear: float = 0.0) -> None:
        """
        Listen, and pass on from now on.

        Args:
            target: Host and port of the server.
            rng: Where the decisions come from.
            cut: See the attribute.
            tear: See the attribute.
        """
        self._target, self._rng = target, rng
        self.cut, self.tear = cut, tear
        self.refusing = self.silent = False
        self._unheard: list[socket.socket] = []
        self.answers_cut = self.requests_torn = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        """Address for a client."""
        return f"http://127.0.0.1:{self.port}"

    def recover(self) -> None:
        """Be a good network from now on."""
        self.refusing, self.silent, self.cut, self.tear = False, False, 0, 0
        _hang_up(*self._unheard)
        self._unheard.clear()

    def close(self) -> None:
        """Take no further connections."""
        self.recover()
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # else the thread in accept() would hold the port open
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            if self.silent:
                self._unheard.append(client)
                continue
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:  # the server is down: so is its proxy
                client.close()
                continue
            server.settimeout(None)
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answers, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                if self._rng.random() < self.tear:
                    self.requests_torn += 1
                    server.sendall(data[: len(data) // 2])
                    break
                server.sendall(data)
        _hang_up(client, server)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                if self._rng.random() < self.cut:
                    self.answers_cut += 1
                    break
                client.sendall(data)
        _hang_up(client, server)


class BriefProxy(CuttingProxy):
    """Passes so many bytes of each connection's answers on, and breaks it."""

    def __init__(self, target: tuple[str, int], after: int) -> None:
        """
        Listen, and pass on from now on.

        Args:
            target: Host and port of the server.
            after: Bytes of answers that are passed on.
        """
        self._after = after
        super().__init__(target, random.Random(0), cut=0)

    def _answers(self, client: socket.socket, server: socket.socket) -> None:
        left = self._after
        with suppress(OSError):
            while left and (data := server.recv(min(_CHUNK, left))):
                client.sendall(data)
                left -= len(data)
            self.answers_cut += 1
        _hang_up(client, server)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
