"""Content codings of other shippers (RFC 9110, 8.4.1), decompressed within bounds."""

from __future__ import annotations

import cramjam

from pylogtap_collector.errors import Invalid, TooLarge, Undecodable
from pylogtap_collector.inflating import inflate

_OTHER_NAMES = {"x-gzip": "gzip"}  # RFC 9110, 8.4.1.3


def opened(body: bytes, encoding: str | None, limit: int) -> bytes:
    """
    Decompress a body without ever holding more than the limit.

    Args:
        body: As it came.
        encoding: Its `Content-Encoding`: `gzip`, `zstd`, `deflate`, `br`, `snappy`, or none.
        limit: Bytes that the result may have.

    Raises:
        TooLarge: It would have more.
        Undecodable: It is cut or damaged, or the encoding is not one of these.
    """
    name = (encoding or "").strip().lower()
    if name == "br":
        return _unbrotli(body, limit)
    if name == "snappy":
        return unsnap(body, limit)
    try:
        return inflate(body, _OTHER_NAMES.get(name, name), limit)
    except Invalid as error:
        raise Undecodable(error.detail) from error


def unsnap(body: bytes, limit: int) -> bytes:
    """
    Decompress a block of snappy.

    Args:
        body: The block.
        limit: Bytes that the result may have.

    Raises:
        TooLarge: It would have more.
        Undecodable: It is none.
    """
    try:
        if cramjam.snappy.decompress_raw_len(body) > limit:
            raise _too_large(limit)
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise Undecodable(f"The body is no block of snappy: {error}.") from error


def _unbrotli(body: bytes, limit: int) -> bytes:
    room = min(limit, 64 * len(body) + 4096)  # usually enough; the limit is tried only where it is not
    for size in sorted({room, limit}):
        into = bytearray(size)
        try:
            written = cramjam.brotli.decompress_into(body, into)
        except cramjam.DecompressionError as error:
            into.clear()  # who handles an error would hold it, and the next one beside it
            if "whole buffer" not in str(error):
                raise Undecodable(f"The body is not br, or damaged: {error}.") from error
        else:
            return bytes(memoryview(into)[:written])
    raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body holds more than {limit} bytes; send less at once.")
