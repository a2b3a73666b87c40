"""Messages that are longer than a record may be, as several entries: nothing of them is lost; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.text.parser import PART
from pylogtap.wire import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.taps.entries import Entry

_ROOM = MAX_RECORD_BYTES - (64 << 10)  # bytes of a message; the rest is for its fields
_MOST = _ROOM // 4  # characters, each of which may take 4 bytes


def in_parts(entry: Entry) -> Iterator[Entry]:
    """
    Yield an entry, or the parts of one that is too long; each but the first has the message alone.

    Args:
        entry: That.
    """
    text = entry.message
    if len(text) <= _MOST or len(text.encode("utf-8", "replace")) <= _ROOM:
        yield entry
        return
    size = _ROOM if text.isascii() else _MOST
    first = entry.fields.get(PART)
    number = first if isinstance(first, int) else 1
    rest = entry._replace(fields={}, exception=None, template=None)
    for start in range(0, len(text), size):
        base = rest if start else entry._replace(template=None)
        yield base._replace(message=text[start : start + size], fields={**base.fields, PART: number})
        number += 1
