"""While the collector keeps a request waiting, what waits in the spool is synced: the power may be cut."""

from __future__ import annotations

import socket
import threading
import time

from pylogtap.transport import Transport, Verdict

_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{"next": 8, "words": {}}'


def test_something_else_is_done_while_an_answer_is_awaited() -> None:
    """An answer that takes a second leaves time for it several times; one that comes at once, for none."""
    server = socket.create_server(("127.0.0.1", 0))
    pause = [1.0, 0.0]

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            for seconds in pause:
                connection.recv(1 << 16)
                time.sleep(seconds)
                connection.sendall(_ANSWER)

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    transport = Transport(f"http://127.0.0.1:{server.getsockname()[1]}", None, "0")
    done: list[float] = []
    transport.meanwhile = lambda: done.append(time.monotonic())

    outcome = transport.send(bytes(16), 4096, b"")

    assert outcome.verdict is Verdict.GO_ON
    assert len(done) >= 3
    assert transport.send(bytes(16), 4096, b"").following == 8
    transport.close()
    serving.join()
    server.close()
