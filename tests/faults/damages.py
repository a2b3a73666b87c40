"""What can happen to a segment on a disk, and which of its records that hits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgpack

from pylogtap import wire

if TYPE_CHECKING:
    import random
    from pathlib import Path

HEADER_BYTES = 36  # those that say something
VERSION_AT = 6  # hit there, it may be another version's, which stays for programs that can read it
WAYS = ("flip", "flip often", "cut", "zero", "garbage", "append", "header")
_PAGE = 4096


@dataclass(frozen=True)
class Frame:
    """A committed frame of a segment: its bytes, and what is in it."""

    begin: int
    end: int
    item: list[object]

    @property
    def record(self) -> tuple[int, int] | None:
        """Writer and number; None where it is no record of a fault test."""
        fields = self.item[3] if self.item[0] and len(self.item) > 3 else None
        if not isinstance(fields, dict) or "writer" not in fields:
            return None
        return fields["writer"], fields["number"]


def frames_of(content: bytes) -> list[Frame]:
    """Return the committed frames of a sound segment; those of calls that did not return are passed over."""
    frames: list[Frame] = []
    offset, salt = wire.HEADER_SIZE, wire.salt_of(content[8:12])
    while offset + wire.FRAME_HEADER <= len(content):
        pairs, offset = wire.split_frames(content[offset:], offset, salt)
        for begin, payload in pairs:
            end = begin + wire.frame_size(len(payload))
            frames.append(Frame(begin, end, msgpack.unpackb(payload, strict_map_key=False)))
        length = int.from_bytes(content[offset : offset + 4], "little") & ~wire.FLAGS
        if not length:
            break
        offset += wire.frame_size(length)
    return frames


def damage(path: Path, way: str, rng: random.Random) -> set[tuple[int, int]]:
    """
    Do something to a segment.

    Args:
        path: The file.
        way: One of WAYS.
        rng: Where.

    Returns:
        The records that it hits: their own bytes, or those of a definition, without which all that follow
        in the segment cannot be read.
    """
    content = bytearray(path.read_bytes())
    frames = frames_of(bytes(content))
    first, last = wire.HEADER_SIZE, frames[-1].end
    touched: list[tuple[int, int]] = []
    match way:
        case "flip" | "flip often":
            for _ in range(1 if way == "flip" else 20):
                place = rng.randrange(first, last)
                content[place] ^= 1 << rng.randrange(8)
                touched.append((place, place + 1))
        case "cut":
            place = rng.randrange(0, last)
            del content[place:]
            touched.append((place, last))
        case "zero":
            place = rng.randrange(first // _PAGE, last // _PAGE + 1) * _PAGE
            content[place : place + _PAGE] = bytes(len(content[place : place + _PAGE]))
            touched.append((place, place + _PAGE))
        case "garbage":
            place = rng.randrange(first, last)
            length = min(rng.randrange(1, 3000), last - place)
            content[place : place + length] = rng.randbytes(length)
            touched.append((place, place + length))
        case "append":
            content += rng.randbytes(rng.randrange(1, 9000))
        case _:
            place = rng.choice([each for each in range(HEADER_BYTES) if each != VERSION_AT])
            content[place] ^= 1 << rng.randrange(8)
            touched.append((place, place + 1))
    path.write_bytes(content)
    return _hit(frames, touched)


def _hit(frames: list[Frame], touched: list[tuple[int, int]]) -> set[tuple[int, int]]:
    lost: set[tuple[int, int]] = set()
    unreadable = any(begin < wire.HEADER_SIZE for begin, _ in touched)
    for frame in frames:
        hit = any(begin < frame.end and frame.begin < end for begin, end in touched)
        if frame.record is None:
            unreadable = unreadable or hit
        elif hit or unreadable:
            lost.add(frame.record)
    return lost
