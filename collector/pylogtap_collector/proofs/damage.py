"""Bits that flip in what a dead program left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap import wire

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap_collector.proofs.ground import Ground
    from pylogtap_collector.proofs.promises import Seen

_KEPT_BITS = 30  # of a length: the flags above make a frame one that was never written
_NO_RECORD = b"\0"  # the first item of what is no record but a definition, packed
_HEADER_BITS = 8 * wire.FRAME_HEADER


def records_in(segment: bytes) -> list[tuple[int, int]]:
    """Return offset and payload length of each committed record of a segment, definitions left out."""
    found, offset = [], wire.HEADER_SIZE
    while offset + wire.FRAME_HEADER <= len(segment):
        word = int.from_bytes(segment[offset : offset + 4], "little")
        length = word & ~wire.FLAGS
        if not length:
            break
        payload = segment[offset + wire.FRAME_HEADER : offset + wire.FRAME_HEADER + length]
        if not word & wire.FLAGS and payload[1:2] != _NO_RECORD:
            found.append((offset, length))
        offset += wire.frame_size(length)
    return found


def flip_bits(path: Path, rng: random.Random, records: int) -> int:
    """
    Flip one bit in each of some records of a segment, anywhere: length, check, or payload.

    Returns:
        How many records were hit; fewer than asked for where there are not so many.
    """
    content = bytearray(path.read_bytes())
    hit = rng.sample(there, min(records, len(there))) if (there := records_in(bytes(content))) else []
    for offset, length in hit:
        bit = rng.randrange(_HEADER_BITS + 8 * length)
        bit = bit % _KEPT_BITS if bit < 32 else bit
        content[offset + bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    return len(hit)


def prove_segments_damaged(ground: Ground) -> Iterator[Seen]:
    """Flip bits in the segments of killed programs, and deliver them."""
    rng, hit = ground.chance(), 0
    with ground.campaign() as (campaign, _):
        campaign.proxy.refusing = True
        for _ in range(ground.often(1, 3, 20)):
            run = campaign.start()
            time.sleep(0.2)
            run.kill()
        for path in sorted(campaign.spool.rglob("*.seg")):
            hit += flip_bits(path, rng, records=5)
        campaign.proxy.recover()
        aside = campaign.drain()
        verdict = campaign.verdict(patience_s=1)  # what is missing will not come
        figure = (
            f"{hit} of {verdict.returned:,} records hit: {aside} set aside, {verdict.lost_count} missing, "
            f"{verdict.duplicated} duplicated, {verdict.torn} torn"
        )
        only_these = verdict.lost_count <= hit and verdict.faults == verdict.lost_count
        yield ground.seen("segments-damaged", figure, kept=only_these and hit > 0)
