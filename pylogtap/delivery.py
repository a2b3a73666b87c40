"""Deliver one segment, slice by slice, as the collector answers. For own segments and for orphaned ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pylogtap.transport import Outcome, Verdict
from pylogtap.wire import FLAGS, count_records, frame_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.segment import Segment
    from pylogtap.transport import Transport

SLICE_BYTES = 512 << 10
_SMALLEST_SLICE = 1 << 10
_MOST_REWINDS = 3  # of one delivery: a collector that has lost its memory asks for a segment's begin once


@dataclass(slots=True)
class Tally:
    """What a delivery did."""

    records: int = 0
    set_aside: int = 0
    skipped: int = 0  # frames of calls that never returned


class Delivery:
    """Sends segments through one transport, and remembers how much one request may carry."""

    def __init__(self, transport: Transport, set_aside: Callable[[bytes], None]) -> None:
        """
        Bind a transport.

        Args:
            transport: The way to the collector.
            set_aside: Gets the bytes of a frame that the collector cannot take.
        """
        self._transport = transport
        self._set_aside = set_aside
        self._limit = SLICE_BYTES
        self.tally = Tally()

    def deliver(self, segment: Segment, end: int, *, alive: bool) -> Outcome | None:
        """
        Send a segment up to an offset.

        Args:
            segment: The segment.
            end: Where to stop.
            alive: Whether frames may still be committed: then stop at one that is not, else pass over it,
                and over what is torn.

        Returns:
            None when all was said that can be said now; else the answer that asks to wait.
        """
        skipped_from: int | None = None
        rewinds = 0
        while segment.acked < end:
            start = segment.acked
            following = start + frame_size(segment.words[start >> 2] & ~FLAGS)
            body = segment.memory[start : min(end, max(start + self._limit, following))]
            outcome = self._transport.send(segment.id, start, body, skipped_from)
            if outcome.verdict is Verdict.WAIT:
                return outcome
            if outcome.verdict is Verdict.SPLIT and len(body) > following - start:
                self._limit = max(_SMALLEST_SLICE, self._limit // 2)
            elif outcome.verdict is Verdict.SPLIT:
                skipped_from = self._pass_over(segment, start, following)
            elif outcome.verdict is Verdict.SET_ASIDE:
                self._count(segment, start, outcome.frame)
                skipped_from, end = self._pass_damage(segment, outcome, end, alive=alive)
            elif outcome.following < start and (rewinds := rewinds + 1) > _MOST_REWINDS:
                return Outcome(Verdict.WAIT, error="the collector asks for the same bytes again and again")
            elif outcome.following != start:
                self._count(segment, start, outcome.following)
                segment.acked = min(outcome.following, end)
                skipped_from = None
            elif alive:
                return None
            else:  # the call that reserved this frame died in it
                self.tally.skipped += 1
                skipped_from = start if skipped_from is None else skipped_from
                segment.acked = min(following, end)
            if segment.acked >= end and not alive:
                skipped_from, end = self._resume(segment, end)
        return None

    def _resume(self, segment: Segment, end: int) -> tuple[int | None, int]:
        """Go on behind a torn place of a dead process's segment, if anything sound follows."""
        sound = segment.resume()
        if sound is None:
            return None, end
        self.tally.set_aside += 1
        segment.acked = sound
        return end, segment.end

    def _pass_damage(self, segment: Segment, outcome: Outcome, end: int, *, alive: bool) -> tuple[int, int]:
        if alive:
            return self._pass_over(segment, outcome.frame, outcome.following), end
        sound = segment.next_sound(outcome.frame)  # the damage may be in the length: look for what is sound
        segment.end = segment.chain_end(sound)
        return self._pass_over(segment, outcome.frame, sound), segment.end

    def _pass_over(self, segment: Segment, frame: int, following: int) -> int:
        self.tally.set_aside += 1
        self._set_aside(segment.memory[frame:following])
        segment.acked = following
        return frame

    def _count(self, segment: Segment, start: int, until: int) -> None:
        """Count the records confirmed now, each once; also those of a slice whose answer was lost."""
        first = max(start, segment.counted)
        if until > first:
            self.tally.records += count_records(segment.memory[first:until])
            segment.counted = until
