"""
Counts of dropped records in the header of a segment, for who adopts it.

What was dropped is told in the stream. A process that is killed before it could tell has left the counts
here: its adopter tells them. They stand in the file as the records do, so that a kill does not take them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pylogtap import wire
from pylogtap.record import loss_payload

if TYPE_CHECKING:
    from pylogtap.segment import Segment

_REASONS = ("spool_full", "disk_full", "disk_unwritable", "too_large", "refused", "other")
_WORDS = {reason: 32 + index for index, reason in enumerate(_REASONS)}  # in the header, from byte 128 on
_OTHER = _WORDS["other"]
_PLACE = 256  # byte of the header: length and text of the place that they belong to
_LENGTH = struct.Struct("<H")
_MOST = 0xFFFF_FFFF


def name_place(segment: Segment, place: str) -> None:
    """
    Say in a segment where its records, and so its losses, belong.

    Args:
        segment: One that nobody else sees yet.
        place: `project/service/instance`.
    """
    text = place.encode()
    if _PLACE + _LENGTH.size + len(text) <= wire.HEADER_SIZE:
        segment.memory[_PLACE : _PLACE + _LENGTH.size + len(text)] = _LENGTH.pack(len(text)) + text


def note(segment: Segment, reason: str, count: int) -> None:
    """
    Write down how much was dropped and is not told yet.

    Args:
        segment: The current one.
        reason: Why.
        count: How often, by now.
    """
    segment.words[_WORDS.get(reason, _OTHER)] = min(_MOST, count)  # one aligned store: a kill tears none


def noted(segment: Segment) -> dict[str, int]:
    """Return what :func:`note` has written, without zeros."""
    counts = {reason: segment.words[word] for reason, word in _WORDS.items()}
    return {reason: count for reason, count in counts.items() if count}


def tell(segment: Segment) -> None:
    """
    Put what a dead process could not tell behind its last frame, and note that it is told.

    Args:
        segment: Its last one that is in use; nobody writes to it any more.
    """
    losses = noted(segment)
    (length,) = _LENGTH.unpack_from(segment.memory, _PLACE)
    begin = _PLACE + _LENGTH.size
    place = segment.memory[begin : min(wire.HEADER_SIZE, begin + length)].decode(errors="replace")
    if not losses or not place:
        return
    payload = loss_payload(place, losses)
    behind = segment.end + wire.frame_size(len(payload))
    if behind <= segment.size and not segment.memory[segment.end : behind].strip(b"\0"):
        segment.end = segment.put(payload, segment.end)
        for reason in losses:
            note(segment, reason, 0)
