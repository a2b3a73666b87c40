"""Bodies that are small and become large, or cost much to look at; each has a name."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from typing import NamedTuple

import cramjam
import msgpack
import zstandard

from pylogtap import wire

_INFLATED = 256 << 20  # bytes: eight times what is taken
_PIECE = bytes(1 << 20)


class Bomb(NamedTuple):
    """
    A request that is meant to hurt.

    Attributes:
        path: Where it is sent.
        kind: Its content type.
        encoding: Its content coding; empty: none.
        body: Its body.
    """

    path: str
    kind: str
    encoding: str
    body: bytes


def bombs() -> dict[str, Bomb]:
    """Return all bombs."""
    gzipped, zstd = _gzipped(), _zstd()
    slices = {
        "nested arrays": _slice(_record(b"\x91" * 200_000)),
        "array of 2^32-1": _slice(_record(b"\xdd\xff\xff\xff\xff")),
        "map of 2^32-1": _slice(_record(b"\xdf\xff\xff\xff\xff")),
        "bytes of 2^32-1": _slice(_record(b"\xc6\xff\xff\xff\xff")),
        "extension of 2^32-1": _slice(_record(b"\xc9\xff\xff\xff\xff\x01")),
        "empty maps": _slice(*[_record(_maps(200_000))] * 40, packed=True),
        "one large frame": _slice(bytes(7 << 20)),
        "tiny records": _slice(*[b"\x92\x01\x01"] * 500_000, packed=True),
        "gzip": Bomb(_ingest(), wire.CONTENT_TYPE, "gzip", gzipped),
        "zstd": Bomb(_ingest(), wire.CONTENT_TYPE, "zstd", zstd),
        "zstd window": Bomb(_ingest(), wire.CONTENT_TYPE, "zstd", _window()),
    }
    logs = b'{"resourceLogs":' + b"[" * 100_000
    maps = b'{"resourceLogs":[' + b"{}," * 2_500_000 + b"{}]}"
    return {
        **slices,
        "OTLP gzip": Bomb("/v1/logs", "application/x-protobuf", "gzip", gzipped),
        "OTLP deflate": Bomb("/v1/logs", "application/x-protobuf", "deflate", _deflated()),
        "OTLP brotli": Bomb(
            "/v1/logs", "application/json", "br", bytes(cramjam.brotli.compress(_PIECE * 100, 1))
        ),
        "OTLP nested": Bomb("/v1/logs", "application/json", "", logs),
        "OTLP empty maps": Bomb("/v1/logs", "application/json", "", maps),
        "Loki snappy": Bomb(
            "/loki/api/v1/push", "application/x-protobuf", "", b"\xff\xff\xff\xff\x0f" + bytes(99)
        ),
        "Elastic lines": Bomb("/elastic/_bulk", "application/x-ndjson", "", b"{}\n" * 2_500_000),
        "Sentry gzip": Bomb("/api/1/envelope/", "application/x-sentry-envelope", "gzip", gzipped),
    }


def forward_bombs() -> dict[str, bytes]:
    """Return what is meant to hurt the port of Fluent Forward, by name."""
    event = msgpack.packb([0, {"message": "x"}])
    packed = msgpack.packb(["tag", gzip.compress(bytes(64 << 20)), {"compressed": "gzip", "chunk": "one"}])
    return {
        "nested arrays": b"\x91" * 1_000_000,
        "array of 2^32-1": b"\xdd\xff\xff\xff\xff",
        "bytes of 2^32-1": b"\x92\xa3tag\xc6\xff\xff\xff\xff" + bytes(1 << 20),
        "empty maps": b"\x92\xa3tag\xdd" + (8 << 20).to_bytes(4, "big") + b"\x80" * (8 << 20),
        "events": b"\x92\xa3tag\xdd" + (100_000).to_bytes(4, "big") + event * 100_000,
        "gzip": packed,
    }


def _gzipped() -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join([packer.compress(_PIECE) for _ in range(_INFLATED >> 20)]) + packer.flush()


def _deflated() -> bytes:
    packer = zlib.compressobj(1)
    return b"".join([packer.compress(_PIECE) for _ in range(_INFLATED >> 20)]) + packer.flush()


def _zstd() -> bytes:
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join([packer.compress(_PIECE) for _ in range(_INFLATED >> 20)]) + packer.flush()


def _window() -> bytes:
    """Return a frame that wants 128 MiB to be kept (RFC 8878, 3.1.1.1.2), and repeats a byte."""
    return b"\x28\xb5\x2f\xfd\x00" + bytes([17 << 3]) + struct.pack("<I", 1 | 1 << 1 | (100 << 3))[:3] + b"x"


def _maps(count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + b"\x80" * count


def _record(arguments: bytes) -> bytes:
    """Return a record of the first call site with these arguments."""
    return b"\x93\x01\xcf" + (1_700_000_000_000_000_000).to_bytes(8, "big") + arguments


def _ingest(identity: bytes = b"") -> str:
    return f"/api/v1/ingest?stream={(identity or os.urandom(16)).hex()}&offset={wire.HEADER_SIZE}"


def _slice(*payloads: bytes, packed: bool = False) -> Bomb:
    """Return a slice whose frames are sound, whatever is in them."""
    identity = os.urandom(16)
    salt, offset, frames = wire.salt_of(identity), wire.HEADER_SIZE, []
    for payload in payloads:
        check = zlib.crc32(payload) ^ salt ^ offset
        frame = len(payload).to_bytes(4, "little") + check.to_bytes(4, "little") + payload
        frames.append(frame.ljust(wire.frame_size(len(payload)), b"\0"))
        offset += len(frames[-1])
    data = b"".join(frames)
    body, coding = (zstandard.compress(data), "zstd") if packed else (data, "")
    return Bomb(_ingest(identity), wire.CONTENT_TYPE, coding, body)
