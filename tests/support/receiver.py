"""The collector's side of the ingest protocol in memory: tests deliveries without a server."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgpack

from pylogtap import wire
from pylogtap.transport import Outcome, Transport, Verdict


@dataclass
class Receiver:
    """
    Stores what it is sent exactly once, as the collector must.

    Attributes:
        payloads: What is stored, in the order of its arrival.
        following: The next offset of each known stream.
        lose_answers: How many of the next answers get lost after the slice was stored.
        resent: Frames that came again and were not stored again.
    """

    payloads: list[bytes] = field(default_factory=list)
    following: dict[bytes, int] = field(default_factory=dict)
    lose_answers: int = 0
    resent: int = 0

    def take(self, stream: bytes, offset: int, body: bytes, skipped_from: int | None) -> Outcome:
        """Answer one request; the rules stand in docs/reference/wire-format.md."""
        known = self.following.get(stream, wire.HEADER_SIZE)
        skipped = skipped_from is not None and skipped_from <= known <= offset
        if offset > known and not skipped:
            return Outcome(Verdict.GO_ON, known)
        try:
            frames, following = wire.split_frames(body, offset, wire.salt_of(stream))
        except wire.DamagedFrame as damage:
            self.take(stream, offset, body[: damage.offset - offset], skipped_from)
            return Outcome(Verdict.SET_ASIDE, damage.following, damage.offset, error=str(damage))
        self.payloads.extend(payload for place, payload in frames if place >= known)
        self.resent += sum(1 for place, _ in frames if place < known)
        self.following[stream] = max(known, following)
        if self.lose_answers:
            self.lose_answers -= 1
            return Outcome(Verdict.WAIT, error="the answer got lost")
        return Outcome(Verdict.GO_ON, self.following[stream])

    def records(self) -> list[list[object]]:
        """Return the stored records, definitions left out."""
        unpacked = [msgpack.unpackb(payload, strict_map_key=False) for payload in self.payloads]
        return [record for record in unpacked if record[0] != 0]


class ReceiverTransport(Transport):
    """The way to a receiver in the same process."""

    def __init__(self, receiver: Receiver) -> None:
        """
        Bind a receiver.

        Args:
            receiver: Gets what is sent.
        """
        super().__init__("http://127.0.0.1:9", None, "test")
        self.receiver = receiver

    def send(self, stream: bytes, offset: int, body: bytes, skipped_from: int | None = None) -> Outcome:
        """Hand one slice over."""
        return self.receiver.take(stream, offset, body, skipped_from)
