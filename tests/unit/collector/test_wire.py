"""Slices: inflating them within bounds, and checking their frames."""

from __future__ import annotations

import gzip
import os
import random
import tracemalloc

import pytest
import zstandard

from pylogtap import wire
from pylogtap_collector.errors import Invalid, TooLarge
from pylogtap_collector.inflating import inflate
from pylogtap_collector.wire import Definitions, Place, kind_of, payloads, scan
from tests.support.segments import SegmentBuilder, numbered_segment

DATA = bytes(range(256)) * 40
LIMIT = 1 << 20


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, DATA),
        ("", DATA),
        ("identity", DATA),
        ("gzip", gzip.compress(DATA)),
        ("zstd", zstandard.compress(DATA)),
        ("zstd", zstandard.ZstdCompressor(write_content_size=False).compress(DATA)),
    ],
)
def test_inflate(encoding: str | None, body: bytes) -> None:
    """All encodings of a body give the same data."""
    assert inflate(body, encoding, LIMIT) == DATA


@pytest.mark.parametrize(
    ("encoding", "streams"),
    [
        ("gzip", [gzip.compress(DATA), gzip.compress(b""), gzip.compress(b"x")]),
        ("zstd", [zstandard.compress(DATA), zstandard.compress(b"x")]),
        (
            "zstd",
            [zstandard.ZstdCompressor(write_content_size=False).compress(part) for part in (DATA, b"x")],
        ),
    ],
)
def test_streams_behind_each_other(encoding: str, streams: list[bytes]) -> None:
    """All of them count, and none may be damaged; zeros may follow those of gzip, as tar writes them."""
    body = b"".join(streams)
    assert inflate(body, encoding, LIMIT) == DATA + b"x"
    for wrong in (body[:-1], body + b"rest", body + streams[0][:20]):
        with pytest.raises(Invalid):
            inflate(wrong, encoding, LIMIT)
    if encoding == "gzip":
        assert inflate(body + bytes(600), encoding, LIMIT) == DATA + b"x"
    with pytest.raises(TooLarge):
        inflate(body, encoding, len(DATA))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_a_bomb_is_refused(compress: object) -> None:
    """A small body that would inflate beyond the limit is refused."""
    assert callable(compress)
    encoding = "gzip" if compress is gzip.compress else "zstd"
    with pytest.raises(TooLarge, match="send less"):
        inflate(compress(bytes(LIMIT + 1)), encoding, LIMIT)
    assert len(inflate(compress(bytes(LIMIT)), encoding, LIMIT)) == LIMIT


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_takes_no_more_than_the_limit(encoding: str) -> None:
    """What was inflated until the limit is not copied once more, only to be refused."""
    limit, body = 16 << 20, bytes(64 << 20)
    packed = gzip.compress(body, 1) if encoding == "gzip" else zstandard.compress(body)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        inflate(packed, encoding, limit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * limit


def test_a_wide_window_is_refused() -> None:
    """A frame that asks for a window of 128 MiB gets no memory."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()  # knows no length
    body = compressor.compress(DATA) + compressor.flush()
    with pytest.raises(Invalid, match="damaged"):
        inflate(body, "zstd", LIMIT)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("zstd", b"nonsense"),
        ("gzip", b"nonsense"),
        ("gzip", b""),
        ("gzip", gzip.compress(DATA)[:-20]),
        ("gzip", zstandard.compress(DATA)),
    ],
)
def test_damaged_bodies_are_refused(encoding: str, body: bytes) -> None:
    """What does not inflate is refused, and never taken for an empty slice."""
    with pytest.raises(Invalid):
        inflate(body, encoding, LIMIT)


def test_unknown_encodings_are_refused() -> None:
    """The message names the encodings that work."""
    with pytest.raises(Invalid, match="zstd, gzip"):
        inflate(DATA, "br", LIMIT)


def test_scan_takes_whole_slices() -> None:
    """A sound slice is taken to its end; its records are counted and its definitions found."""
    segment = numbered_segment(10)
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert (found.end, found.records, found.damage) == (segment.end, 10, None)
    assert [kind_of(payload) for _, payload in found.definitions] == [
        wire.KIND_PROCESS,
        wire.KIND_PLACE,
        wire.KIND_SITE,
    ]
    assert [offset for offset, _ in found.definitions] == segment.offsets[:3]


def test_scan_agrees_with_the_client() -> None:
    """Wherever a slice is cut, both sides see the same frames in it."""
    segment = numbered_segment(20)
    data, rng = segment.slice(), random.Random(7)
    for size in [*range(60), *rng.sample(range(len(data)), 60), len(data)]:
        found = scan(data[:size], wire.HEADER_SIZE, segment.identity)
        frames, end = wire.split_frames(data[:size], wire.HEADER_SIZE, wire.salt_of(segment.identity))
        assert found.end == end
        assert found.records == sum(kind_of(payload) is None for _, payload in frames)
        assert list(payloads(data[: end - wire.HEADER_SIZE])) == [payload for _, payload in frames]


def test_scan_stops_at_a_reserved_frame() -> None:
    """A call is still writing there: it will be sent again."""
    segment = numbered_segment(2)
    reserved = segment.put(b"12345", flags=wire.RESERVED)
    segment.record(1, [3])
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert (found.end, found.records, found.damage) == (reserved, 2, None)


def test_scan_passes_over_aborted_frames() -> None:
    """A call was interrupted there: nothing will come of it."""
    segment = numbered_segment(2)
    segment.put(b"garbage", flags=wire.ABORTED)
    segment.record(1, [3])
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert (found.end, found.records, found.damage) == (segment.end, 3, None)


def test_scan_finds_damage() -> None:
    """The damaged frame is named, and everything before it counts."""
    segment = numbered_segment(2)
    damaged = segment.put(b"\x93\x01\x02\x03", damaged=True)
    segment.record(1, [3])
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert (found.end, found.records) == (damaged, 2)
    assert found.damage is not None
    assert (found.damage.offset, found.damage.following) == (damaged, segment.offsets[-2])


@pytest.mark.parametrize("moved", ["offset", "segment"])
def test_frames_are_valid_only_in_their_place(moved: str) -> None:
    """The same bytes at another offset, or under another segment's id, are damaged."""
    segment = numbered_segment(2)
    base = wire.HEADER_SIZE + (8 if moved == "offset" else 0)
    identity = bytes(16) if moved == "segment" else segment.identity
    assert scan(segment.slice(), base, identity).damage is not None


def test_scan_takes_no_oversized_frame() -> None:
    """A frame larger than a record may be ends the slice, and is told apart from an unfinished one."""
    segment = numbered_segment(1)
    end = segment.put(bytes(wire.MAX_RECORD_BYTES + 1))
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert (found.end, found.oversized) == (end, True)


def test_a_slice_has_fewer_records_than_an_id_counts() -> None:
    """However much is sent at once, what is taken of it fits the index of a record in its slice."""
    segment = SegmentBuilder()
    for _ in range(70_000):
        segment.put(b"\x94\x01\x00\xc0\xc0")
    found = scan(segment.slice(), wire.HEADER_SIZE, segment.identity)
    assert 60_000 < found.records < 1 << 16
    rest = scan(segment.slice(found.end), found.end, segment.identity)
    assert found.records + rest.records == 70_000


@pytest.mark.parametrize("data", [b"", b"1234567", bytes(64), b"\xff" * 64, b"\x01\x00\x00\x00" + bytes(9)])
def test_scan_of_anything(data: bytes) -> None:
    """No bytes make the scan fail or run away."""
    found = scan(data, wire.HEADER_SIZE, bytes(16))
    assert wire.HEADER_SIZE <= found.end <= wire.HEADER_SIZE + len(data)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("shop/checkout/web-1", ("shop", "checkout", "web-1")),
        ("shop", ("shop", "unknown", "unknown")),
        ("", ("unknown", "unknown", "unknown")),
        ("a/b/c/d", ("a", "b", "c-d")),
        ("sh op/<b>/..", ("sh-op", "b-", "unknown")),
        ("x" * 80 + "/b/c", ("x" * 63, "b", "c")),
    ],
)
def test_places_are_made_of_any_text(text: str, place: tuple[str, str, str]) -> None:
    """A place fits addresses and names, whatever a client sent."""
    assert Place.parse(text) == place


def test_definitions_that_cannot_be_read_are_left_out() -> None:
    """A broken definition leaves its number undefined, and the others alone."""
    segment = numbered_segment(0)
    definitions = Definitions()
    for payload in [
        *payloads(segment.slice()),
        b"\x92\x00\x02",
        b"\x94\x00\x01\x05\xc1",
        b"\x93\x00\x00\x07",
    ]:
        definitions.add(payload)
    assert list(definitions.places) == [1]
    assert list(definitions.sites) == [1]
    assert (definitions.process.host, definitions.process.pid) == ("host", os.getpid())
