"""The page about the wire format has the keys, kinds and limits of pylogtap.wire."""

from __future__ import annotations

import re

from pylogtap import wire
from pylogtap_collector.settings import Settings
from tests.support.documents import DOCS, code, rows

PAGE = DOCS / "reference" / "wire-format.md"
TEXT = " ".join(PAGE.read_text(encoding="utf-8").split())


def constants(start: str) -> set[object]:
    """Return the values of the constants whose names begin so."""
    return {value for name, value in vars(wire).items() if name.startswith(start)}


def test_keys() -> None:
    """The keys of `more` are all there."""
    assert {code(row[0]) for row in rows(PAGE, "key")} == constants("MORE_")


def test_kinds() -> None:
    """The kinds of payloads that are no records are all there."""
    kinds = [re.match(r"\[0, (\d+), ", code(row[0])) for row in rows(PAGE, "payload")]
    assert {int(match[1]) for match in kinds if match} == constants("KIND_")


def test_limits() -> None:
    """Sizes, flags and limits are those of the code."""
    assert f"a header of {wire.HEADER_SIZE} bytes" in TEXT
    assert f"`{wire.RESERVED:#x}` reserved" in TEXT
    assert f"`{wire.ABORTED:#x}` aborted" in TEXT
    assert f"at most {wire.MAX_RECORD_BYTES} bytes, a segment {wire.MAX_SEGMENT_BYTES}" in TEXT
    assert wire.MAGIC.decode().replace("\0", "\\0") in TEXT
    assert f"Content-Type: {wire.CONTENT_TYPE}" in TEXT
    limits = Settings(host="127.0.0.1")
    sizes = (limits.body_max_bytes >> 20, limits.inflated_max_bytes >> 20)
    seconds = (limits.header_timeout_s, limits.body_timeout_s)
    shown = "{} MiB of body, {} MiB decompressed, {:.0f} seconds for the header, {:.0f} for the body"
    assert shown.format(*sizes, *seconds) in TEXT


def test_check() -> None:
    """A frame made as the page says is one that the code accepts."""
    import zlib

    identity, payload, offset = bytes(range(16)), b"\x93\x00\x04\x00", wire.HEADER_SIZE
    salt = int.from_bytes(identity[:4], "little")
    check = zlib.crc32(payload) ^ salt ^ offset
    frame = len(payload).to_bytes(4, "little") + check.to_bytes(4, "little") + payload
    frame += bytes(-len(frame) % 8)
    assert wire.split_frames(frame, offset, wire.salt_of(identity)) == (
        [(offset, payload)],
        offset + len(frame),
    )
