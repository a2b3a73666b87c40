"""
Records with lists and maps without end: an empty one takes a byte to send, and a hundred to keep.

What a program logs has some of them; a record that has a thousand keeps the outermost as text of JSON, and so
do those of a slice that is made of little else. What they take is bounded by what was sent, then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pylogtap import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.wire import Record

OTHERS = "pylogtap.others"  # the attribute that has the rest of very many
_KEPT_BYTES = 100  # that an empty one takes, about
_MOST = 1_000  # lists and maps of a record
_DENSE = 16  # bytes of a slice for each of them
_FIRST = 100  # attributes of a record with more than a thousand that are kept each by itself
_RARE = 9  # in what only some records have: an exception has two
_USUAL = 8  # bytes of a record that look like the beginning of one: of its own, of numbers, of checks
_BEGINS = {*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF}  # fixmap, fixarray, array and map 16 and 32
_OTHERS = bytes(sorted(set(range(256)) - _BEGINS))
_KINDS = {list, dict}


def may_abound(data: bytes, payloads: Sequence[bytes]) -> bool:
    """
    Tell whether records may have far more lists and maps than usual; they have not where this is false.

    Args:
        data: The slice.
        payloads: Of its records.
    """
    most = _most(len(data)) + _USUAL * len(payloads)
    return _begins(data) > most or any(
        len(payload) > _MOST and _begins(payload) > _MOST for payload in payloads
    )


def _most(size: int) -> int:
    return _MOST + size // _DENSE


def _begins(data: bytes) -> int:
    """Return how many bytes could begin a list or a map, if they were no part of something else."""
    return len(data.translate(None, _OTHERS))


class Room:
    """What the records of a slice may still have of lists and maps."""

    def __init__(self, size: int) -> None:
        """
        Begin a slice.

        Args:
            size: Of the slice, bytes.
        """
        self._most = self._left = _most(size)
        self._texts = 0

    @property
    def weight(self) -> int:
        """Bytes that what was kept takes in memory, about, beyond those that were sent."""
        return (self._most - self._left) * _KEPT_BYTES + self._texts

    def take(self, record: Record) -> bool:
        """
        Count what a record has; where that is too much, put text in the place of each list and map.

        Args:
            record: It may be changed.

        Returns:
            Whether it was.
        """
        most = min(_MOST, self._left)
        left = _left(record.more, _left(record.fields, _left(record.args, most)))
        if left >= 0 and not is_wide(record.fields):
            self._left -= most - left
            return False
        changed: list[str] = []
        if type(record.args) is list:
            few = len(record.args) <= _MOST
            record.args = [self._texted(each) for each in record.args] if few else self._texted(record.args)
        elif type(record.args) is dict:
            record.args = {name: self._texted(value) for name, value in record.args.items()}
        if record.fields:
            fields = _narrowed(record.fields)
            changed += [name for name, value in fields.items() if type(value) in _KINDS]
            record.fields = {name: self._texted(value) for name, value in fields.items()}
        more = record.more or {}
        known = more.get(wire.MORE_DEGRADED)
        record.more = {
            name: value if _left(value, _RARE) >= 0 else self._texted(value) for name, value in more.items()
        }
        named = known if type(known) is list and len(known) <= _MOST else []
        record.more[wire.MORE_DEGRADED] = [*named, *(changed or ["message"])]
        return True

    def _texted(self, value: Any) -> Any:
        if type(value) not in _KINDS:
            return value
        try:
            text = msgspec.json.encode(value).decode()
        except (msgspec.MsgspecError, RecursionError, TypeError, ValueError):
            return f"({type(value).__name__} nested too deeply, or of what JSON cannot say)"
        self._texts += 2 * len(text)  # here, and where it is part of a message
        return text


def is_wide(fields: dict[str, Any] | None) -> bool:
    """Tell whether a record has more attributes than are kept each by itself."""
    return fields is not None and len(fields) > _MOST


def _narrowed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return attributes, those beyond the first of very many as one: each name costs as much as a record."""
    if not is_wide(fields):
        return fields
    items = list(fields.items())
    return {**dict(items[:_FIRST]), OTHERS: dict(items[_FIRST:])}


def _left(value: Any, room: int) -> int:
    """Return what is left of some room when a value has taken its own; negative: it did not suffice."""
    waiting = [value] if type(value) in _KINDS else []
    while waiting and room >= 0:
        found = waiting.pop()
        room -= 1
        items = found.values() if type(found) is dict else found
        waiting += [each for each in items if type(each) in _KINDS]
    return room
