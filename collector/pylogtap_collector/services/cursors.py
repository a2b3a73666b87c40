"""Cursors: where a page ended, as a text that clients hand back unread."""

from __future__ import annotations

import base64
import binascii
import zlib

import msgspec

from pylogtap_collector.errors import InvalidCursor
from pylogtap_collector.models import Order

_VERSION = 1


class Cursor(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """
    The last record of a page, and what the pages are about: so a relative time does not move between them.

    Attributes:
        version: Of this layout.
        order: Of the pages.
        query: Check sum of the query's text.
        since_ns: Beginning of the range, ns since the epoch.
        until_ns: End of the range.
        time: The last record's time, ns since the epoch.
        log_id: Its id.
    """

    version: int
    order: Order
    query: int
    since_ns: int | None
    until_ns: int | None
    time: int
    log_id: int


def write_cursor(
    order: Order, query: str, since_ns: int | None, until_ns: int | None, last: tuple[int, int]
) -> str:
    """
    Return the cursor behind a page.

    Args:
        order: Of the pages.
        query: Text of the query.
        since_ns: Beginning of the range, ns since the epoch.
        until_ns: End of the range.
        last: Time and id of the last record.
    """
    cursor = Cursor(_VERSION, order, _sum(query), since_ns, until_ns, *last)
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def read_cursor(text: str, order: Order, query: str) -> Cursor:
    """
    Read a cursor that comes back.

    Args:
        text: The cursor.
        order: Of the pages, as it is asked for now.
        query: Text of the query, as it is asked for now.

    Raises:
        InvalidCursor: It is none, or belongs to another query or order.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, ValueError, UnicodeError, msgspec.MsgspecError) as error:
        raise InvalidCursor("This is no cursor; leave it out to begin with the first page.") from error
    numbers = (cursor.time, cursor.log_id, cursor.since_ns or 0, cursor.until_ns or 0)
    if cursor.version != _VERSION or not all(-(1 << 63) <= number < 1 << 63 for number in numbers):
        raise InvalidCursor("This cursor is from another version; leave it out to begin again.")
    if cursor.order != order or cursor.query != _sum(query):
        raise InvalidCursor("This cursor belongs to another query or order; leave it out to begin again.")
    return cursor


def _sum(query: str) -> int:
    return zlib.crc32(query.encode("utf-8", "backslashreplace"))
