"""Positions: where a page of a list ended, as a text that clients hand back unread."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar, overload

import msgspec

from pylogtap_collector.errors import InvalidCursor

_A = TypeVar("_A", int, str)
_B = TypeVar("_B", int, str)
_C = TypeVar("_C", int, str)
_LIMIT = 1 << 63  # what SQLite's integers hold
_decode = msgspec.json.Decoder(list[int | str]).decode


def write_position(*parts: int | str) -> str:
    """
    Return a position as a text.

    Args:
        parts: What the last item of the page is ordered by.
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


@overload
def read_position(text: str, first: type[_A], /) -> tuple[_A]: ...
@overload
def read_position(text: str, first: type[_A], second: type[_B], /) -> tuple[_A, _B]: ...
@overload
def read_position(text: str, first: type[_A], second: type[_B], third: type[_C], /) -> tuple[_A, _B, _C]: ...
def read_position(text: str, *kinds: type[Any]) -> tuple[Any, ...]:
    """
    Read a position that comes back.

    Args:
        text: The position.
        kinds: What its parts are: `int` or `str`.

    Raises:
        InvalidCursor: It is none, or one of another list.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = _decode(raw)
    except (binascii.Error, ValueError, UnicodeError, msgspec.MsgspecError) as error:
        raise InvalidCursor("This is no cursor; leave it out to begin with the first page.") from error
    if [type(part) for part in parts] != list(kinds):
        raise InvalidCursor("This cursor belongs to another list; leave it out to begin again.")
    if not all(-_LIMIT <= part < _LIMIT for part in parts if isinstance(part, int)):
        raise InvalidCursor("This is no cursor; leave it out to begin with the first page.")
    return tuple(parts)
