"""How a sender of Fluent Forward shows that it knows the shared key: HELO, PING, PONG; pure."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any, NamedTuple

import msgpack

_MISSING = (
    "it began without the handshake that PYLOGTAP_COLLECTOR_FORWARD_SHARED_KEY asks for: set shared_key in "
    "the sender; for one that has none, such as fluent-logger, unset PYLOGTAP_COLLECTOR_FORWARD_SHARED_KEY, "
    "and let it in by PYLOGTAP_COLLECTOR_TAP_NETWORKS, or by a field pylogtap_key in its records"
)
_PARTS = 6  # of a PING: its name, the sender's host, salt, digest, user, password


class Answer(NamedTuple):
    """
    What a PING is answered by.

    Attributes:
        pong: The answer.
        refusal: Why the sender is not let in; None: it is.
    """

    pong: list[Any]
    refusal: str | None


class Handshake:
    """One handshake (source: Forward-Protocol-Specification-v1, "Handshake messages")."""

    def __init__(self, shared_key: str, host: str) -> None:
        """
        Make up a nonce.

        Args:
            shared_key: What the sender has to know.
            host: Our name.
        """
        self._key = shared_key.encode()
        self._host = host
        self._nonce = os.urandom(16)

    @property
    def helo(self) -> list[Any]:
        """What is said first."""
        return ["HELO", {"nonce": self._nonce, "auth": "", "keepalive": True}]

    def answer(self, ping: bytes) -> Answer:
        """
        Judge what the sender answers.

        Args:
            ping: Its message, packed: a salt is any bytes.
        """
        try:
            parts = msgpack.unpackb(ping, raw=True)
        except (ValueError, msgpack.UnpackException):
            parts = None
        if not isinstance(parts, list) or len(parts) < _PARTS or parts[0] != b"PING":
            return self._refused(_MISSING)
        host, salt, digest, user, password = (
            part if isinstance(part, bytes) else b"" for part in parts[1:_PARTS]
        )
        if user or password:
            return self._refused("user names are not known here: leave username and password out")
        if not hmac.compare_digest(self._digest(salt, host).encode(), digest):
            return self._refused("the shared key is not that of PYLOGTAP_COLLECTOR_FORWARD_SHARED_KEY")
        own = self._host.encode()
        return Answer(["PONG", True, "", self._host, self._digest(salt, own)], None)

    def _digest(self, salt: bytes, host: bytes) -> str:
        return hashlib.sha512(salt + host + self._nonce + self._key).hexdigest()

    def _refused(self, reason: str) -> Answer:
        return Answer(["PONG", False, reason, self._host, ""], reason)
