"""Values of msgpack as Fluent Forward sends them, and packed events decompressed; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack

from pylogtap_collector.errors import Invalid, TooLarge, Undecodable
from pylogtap_collector.inflating import inflate
from pylogtap_collector.taps.values import MAX_DEPTH

NS = 1_000_000_000
_EVENT_TIME = 0  # the type of the extension
_MAX_ODD = 1_000  # characters of what is no text


class Ns(int):
    """A time in ns since the epoch, whatever form it came in."""


def decode(packed: bytes) -> Any:
    """
    Return what a value means, text for bytes; None where it cannot be decoded.

    Args:
        packed: One value, complete.
    """
    try:
        value = msgpack.unpackb(
            packed, raw=True, strict_map_key=False, object_pairs_hook=_pairs, ext_hook=_extension
        )
        return _text(value, 0)
    except (ValueError, RecursionError, msgpack.UnpackException):
        return None


def inflate_events(packed: bytes, method: Any, limit: int) -> bytes:
    """
    Decompress packed events; several compressed streams may follow each other.

    Args:
        packed: As they came.
        method: The option `compressed`.
        limit: Bytes that they may have.

    Raises:
        Undecodable: They are damaged, too large, or compressed otherwise.
    """
    if method in {None, "", "text"}:
        method = None
    elif method not in {"gzip", "zstd"}:
        raise Undecodable(f"Packed events are compressed by {method!r}, which is not understood.")
    try:
        return inflate(packed, method, limit)
    except (Invalid, TooLarge) as error:
        raise Undecodable(f"Packed events: {error.detail}") from error


def _pairs(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    return {_name(key): value for key, value in pairs}


def _name(key: Any) -> str:
    return key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else str(key)[:_MAX_ODD]


def _extension(code: int, data: bytes) -> Any:
    if code == _EVENT_TIME and len(data) == 8:
        return Ns(int.from_bytes(data[:4]) * NS + int.from_bytes(data[4:]))
    return f"ext {code}: {data[:_MAX_ODD].hex()}"


def _text(value: Any, depth: int) -> Any:
    """Return a value with text for bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if not isinstance(value, Mapping | list | msgpack.Timestamp):
        return value
    if isinstance(value, msgpack.Timestamp):
        return Ns(value.to_unix_nano())
    if depth > MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {key: _text(each, depth + 1) for key, each in value.items()}
    return [_text(each, depth + 1) for each in value]
