"""A client of Fluent Forward that can do what libraries do not."""

from __future__ import annotations

import socket
from typing import Any

import msgpack


class Client:
    """Speaks the protocol itself."""

    def __init__(self, port: int) -> None:
        self.plug = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.unpacker = msgpack.Unpacker()

    def say(self, *values: Any) -> None:
        """Send values."""
        self.plug.sendall(b"".join(msgpack.packb(value) for value in values))

    def hear(self) -> Any:
        """Return the next value that is answered; None at the end."""
        while True:
            try:
                return self.unpacker.unpack()
            except msgpack.OutOfData:
                data = self.plug.recv(65536)
                if not data:
                    return None
                self.unpacker.feed(data)
