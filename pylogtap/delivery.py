"""Deliver one segment, slice by slice, as the collector answers. For own segments and for orphaned ones."""

from __future__ import annotations

from _thread import RLock
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pylogtap.transport import Outcome, Verdict
from pylogtap.wire import HEADER_SIZE, MAX_SEGMENT_BYTES, count_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.segment import Segment
    from pylogtap.transport import Transport

SLICE_BYTES = 512 << 10
_SMALL_FRAME = 1 << 10  # bytes: who says that this is too large says it of anything
_GROWS_AFTER = 8  # slices that were taken: then more at once is tried again
_MOST_LEFT_OUT = 8  # frames in a row that the collector may refuse, and yet be sound itself
_MOST_REWINDS = 3  # of one delivery: a collector that has lost its memory asks for a segment's begin once


@dataclass(slots=True)
class Tally:
    """What a delivery did."""

    records: int = 0
    set_aside: int = 0
    skipped: int = 0  # frames of calls that never returned


class Delivery:
    """
    Sends segments through one transport, and remembers how much one request may carry.

    Attributes:
        tally: What it has done.
        counting: Held while records pass from those that wait to those that are confirmed, or given up.
    """

    def __init__(self, transport: Transport, set_aside: Callable[[bytes], None]) -> None:
        """
        Bind a transport.

        Args:
            transport: The way to the collector.
            set_aside: Gets the bytes of a frame that the collector cannot take.
        """
        self._transport = transport
        self._set_aside = set_aside
        self._limit, self._taken = SLICE_BYTES, 0
        self.tally = Tally()
        self.counting = RLock()

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
        rewinds = 0
        while segment.acked < end:
            start = segment.acked
            following = segment.behind(start)
            body = segment.memory[start : min(end, max(start + self._limit, following))]
            outcome = self._send(segment, start, body, end if alive else MAX_SEGMENT_BYTES)
            if outcome.verdict is Verdict.WAIT:
                return outcome
            if outcome.verdict is Verdict.SET_ASIDE:
                self._count(segment, start, outcome.frame)
                end = self._pass_damage(segment, outcome, end, alive=alive)
            elif outcome.verdict is not Verdict.GO_ON:
                refused = self._narrow(segment, body, end, outcome)
                if refused is not None:
                    return refused
            elif outcome.following < start and (rewinds := rewinds + 1) > _MOST_REWINDS:
                return Outcome(Verdict.WAIT, error="the collector asks for the same bytes again and again")
            elif outcome.following != start:
                self._advance(segment, outcome.following, end)
                self._grow()
            elif alive:
                return None
            else:  # the call that reserved this frame died in it
                self.tally.skipped += 1
                segment.leave_gap(start)
                segment.acked = min(following, end)
            if segment.acked >= end and not alive:
                end = self._resume(segment, end)
        return None

    def _send(self, segment: Segment, start: int, body: bytes, most: int) -> Outcome:
        """Send a slice. An answer that no collector gives counts as none: nonsense must not lose records."""
        outcome = self._transport.send(segment.id, start, body, segment.gap)
        following, frame = outcome.following, outcome.frame
        if outcome.verdict is Verdict.GO_ON:
            sound = HEADER_SIZE <= following <= most and following % 8 == 0
        elif outcome.verdict is Verdict.SET_ASIDE:
            sound = start <= frame < following <= most and not (frame % 8 or following % 8)
        else:
            return outcome
        return outcome if sound else Outcome(Verdict.WAIT, error="what answers there is no collector")

    def _advance(self, segment: Segment, following: int, end: int) -> None:
        self._count(segment, segment.acked, following)
        segment.acked, segment.gap = min(following, end), None

    def _narrow(self, segment: Segment, body: bytes, end: int, refusal: Outcome) -> Outcome | None:
        """Send less at once, or set aside what is refused alone; return what asks to wait, if anything."""
        start = segment.acked
        following = segment.behind(start)
        if len(body) > following - start:
            self._limit, self._taken = len(body) // 2, 0
        elif refusal.verdict is Verdict.SPLIT and len(body) > _SMALL_FRAME:
            self._pass_over(segment, start, following)
        else:
            return self._leave_out(segment, end, refusal)
        return None

    def _leave_out(self, segment: Segment, end: int, refusal: Outcome) -> Outcome | None:
        """
        Go on behind a frame that is refused, where the collector takes what follows: then it is the frame.

        Else it may be anything, such as a server that is none of ours: nothing is given up.
        """
        start, gap = segment.acked, segment.gap
        place = segment.behind(start)
        for _ in range(_MOST_LEFT_OUT):
            if place >= end:
                break
            following = segment.behind(place)
            segment.leave_gap(start)
            outcome = self._send(segment, place, segment.memory[place:following], end)
            if outcome.verdict is Verdict.GO_ON and outcome.following >= place:
                while segment.acked < place:
                    self._pass_over(segment, segment.acked, segment.behind(segment.acked))
                self._advance(segment, outcome.following, end)
                return None
            segment.gap = gap
            if outcome.verdict is Verdict.WAIT:
                return outcome
            place = following
        return replace(refusal, verdict=Verdict.WAIT, refused=True)

    def _grow(self) -> None:
        self._taken += 1
        if self._taken >= _GROWS_AFTER and self._limit < SLICE_BYTES:
            self._limit, self._taken = min(SLICE_BYTES, 2 * self._limit), 0

    def _resume(self, segment: Segment, end: int) -> int:
        """Go on behind a torn place of a dead process's segment, if anything sound follows."""
        sound = segment.resume()
        if sound is None:
            return end
        self.tally.set_aside += 1
        self._set_aside(segment.memory[end:sound])
        segment.leave_gap(end)
        segment.acked = sound
        return segment.end

    def _pass_damage(self, segment: Segment, outcome: Outcome, end: int, *, alive: bool) -> int:
        if alive:
            self._pass_over(segment, outcome.frame, outcome.following)
            return end
        sound = segment.next_sound(outcome.frame)  # the damage may be in the length: look for what is sound
        segment.end = segment.chain_end(sound)
        self._pass_over(segment, outcome.frame, sound)
        return segment.end

    def _pass_over(self, segment: Segment, frame: int, following: int) -> None:
        """Set a frame aside, once: a collector that has lost its memory gets it, and refuses it, again."""
        with self.counting:
            if following > segment.counted:
                self.tally.set_aside += 1
                self._set_aside(segment.memory[frame:following])
                segment.counted = following
        if segment.acked < frame:  # what stands before it was stored
            segment.gap = None
        segment.leave_gap(frame)
        segment.acked = following

    def _count(self, segment: Segment, start: int, until: int) -> None:
        """Count the records confirmed now, each once; also those of a slice whose answer was lost."""
        first = max(start, segment.counted)
        if until > first:
            records = count_records(segment.memory[first:until])
            with self.counting:
                self.tally.records += records
                segment.counted = until
