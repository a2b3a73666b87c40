"""Bodies as they were before they were compressed, without more memory than they may take."""

from __future__ import annotations

import zlib
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import zstandard

from pylogtap_collector.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ZSTD_WINDOW = 8 << 20  # bytes a frame may make us keep; what clients send needs 2 MiB at most
_ZSTD_PIECE = 256  # bytes that are inflated at once: they may become 8 MiB, of blocks that repeat a byte
_ZIP_PIECE = 16 << 10
_OUT = 1 << 20  # bytes that one call may make: it needs as much again while it makes them
_GZIP = 16 + zlib.MAX_WBITS  # expect a gzip header and trailer, see zlib.decompressobj
_ZIPPED = {"gzip": _GZIP, "deflate": zlib.MAX_WBITS}  # the latter of other shippers: RFC 9110, 8.4.1.2
_ZIP_MOST = 1_032  # times the size that deflate makes of something, at most; zlib.net/zlib_tech.html


def inflate(body: bytes, encoding: str | None, limit: int) -> bytes:
    """
    Decompress a body without ever holding much more than the limit; of several streams in it, all.

    Whether it becomes too large is found out before anything is kept, where it may.

    Args:
        body: As it came.
        encoding: Its `Content-Encoding`: `zstd`, `gzip`, `deflate`, or none.
        limit: Bytes that the result may have.

    Raises:
        TooLarge: It would have more.
        Invalid: It is cut or damaged, or the encoding is not one of these.
    """
    if encoding in {None, "", "identity"}:
        if len(body) > limit:
            raise _beyond(limit)
        return body
    try:
        if encoding == "zstd":
            return _unzstd(body, limit)
        if encoding in _ZIPPED:
            may_be_large = len(body) * _ZIP_MOST > limit
            return _gathered(partial(_unzip, body, _ZIPPED[encoding]), limit, in_doubt=may_be_large)
    except (zstandard.ZstdError, zlib.error) as error:
        raise Invalid(f"The body is not {encoding}, or damaged: {error}.") from error
    raise Invalid(f"Content-Encoding {encoding!r} is not understood; send zstd, gzip, deflate or none.")


def announced_size(body: bytes, encoding: str | None) -> int:
    """
    Return how many bytes a body says that it holds; 0 where it does not say so.

    Args:
        body: As it came.
        encoding: Its `Content-Encoding`.
    """
    if encoding != "zstd":
        return 0
    try:
        return max(0, zstandard.frame_content_size(body))
    except zstandard.ZstdError:
        return 0


def _beyond(limit: int) -> TooLarge:
    return TooLarge(f"The body holds more than {limit} bytes; send less at once.")


def _unzstd(body: bytes, limit: int) -> bytes:
    size = announced_size(body, "zstd")
    if size > limit:
        raise _beyond(limit)
    if size:  # what our clients send says it
        with suppress(zstandard.ZstdError):  # it is damaged, or other frames follow
            return _unzstandard().decompress(body, allow_extra_data=False)
    return _gathered(partial(_unzstd_frames, body), limit, in_doubt=True)


def _unzstandard() -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)


def _unzstd_frames(body: bytes) -> Iterator[bytes]:
    decompressor, at = _unzstandard(), 0
    while at < len(body):
        inflater = decompressor.decompressobj()
        while not inflater.eof:
            if at >= len(body):
                raise Invalid("The compressed body is cut.")
            piece = body[at : at + _ZSTD_PIECE]
            yield inflater.decompress(piece)
            at += len(piece) - len(inflater.unused_data)


def _unzip(body: bytes, format_bits: int) -> Iterator[bytes]:
    at = 0
    while at < len(body) or not at:
        if at and not body[at] and not body[at:].strip(b"\0"):  # tapes and the like fill up with zeros
            break
        inflater = zlib.decompressobj(format_bits)
        while not inflater.eof:
            piece = body[at : at + _ZIP_PIECE]
            if not piece:
                raise Invalid("The compressed body is cut.")
            yield inflater.decompress(piece, _OUT)
            at += len(piece) - len(inflater.unconsumed_tail) - len(inflater.unused_data)


def _gathered(pieces: Callable[[], Iterator[bytes]], limit: int, *, in_doubt: bool) -> bytes:
    """
    Put what is decompressed together.

    Args:
        pieces: Decompresses, from the beginning each time.
        limit: Bytes that it may be.
        in_doubt: It may be more. So it is counted first: who sends much at once would take as much memory.
    """
    if in_doubt:
        size = 0
        for piece in pieces():
            size += len(piece)
            if size > limit:
                raise _beyond(limit)
    into = bytearray()
    for piece in pieces():
        into += piece
    return bytes(into)
