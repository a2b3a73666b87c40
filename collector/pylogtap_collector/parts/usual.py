"""Records as most of them are, decoded many at a time, their items by kind: cheaper than one by one."""

from __future__ import annotations

from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap_collector.wire import UNREADABLE, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

_ARRAY_32 = b"\xdd"  # msgpack: an array, its size in four bytes
_NO_FIELDS: dict[str, Any] = {}
_decode_array = msgspec.msgpack.Decoder(list[Record]).decode


class Usual(NamedTuple):
    """
    The items of usual records, kind by kind; see :class:`pylogtap_collector.wire.Record`.

    Attributes:
        sites: Numbers of call sites.
        times: Seconds or ns since the epoch.
        args: Arguments of messages, of any kind.
        fields: Attributes.
        more: What only some records have.
    """

    sites: Sequence[int]
    times: Sequence[int | float]
    args: Sequence[Any]
    fields: Sequence[dict[str, Any]]
    more: Sequence[dict[str, Any] | None]

    def some(self, wanted: Sequence[bool]) -> Usual:
        """Return some of the records, those marked true."""
        return Usual(*[list(compress(items, wanted)) for items in self])

    def records(self) -> list[Record]:
        """Return the records one by one."""
        return list(map(Record, *self))

    def by_shape(self) -> list[Shaped]:
        """Return attributes by columns, those of records with the same names together."""
        first = tuple(self.fields[0])
        if not first and not any(self.fields):
            return [Shaped((), range(len(self.fields)), [])]
        if len(first) > 1 and set(map(len, self.fields)) == {len(first)}:
            try:
                columns = list(zip(*map(itemgetter(*first), self.fields), strict=True))
            except KeyError:
                pass
            else:
                return [Shaped(first, range(len(self.fields)), columns)]
        keys = list(map(tuple, self.fields))
        found: dict[tuple[str, ...], list[int]] = {}
        for place, names in enumerate(keys):
            found.setdefault(names, []).append(place)
        return [
            Shaped(names, places, list(zip(*[self.fields[place].values() for place in places], strict=True)))
            for names, places in found.items()
        ]


class Shaped(NamedTuple):
    """
    Attributes of records that have the same ones.

    Attributes:
        names: Of the attributes.
        places: Of the records.
        columns: Their values, name by name.
    """

    names: tuple[str, ...]
    places: Sequence[int]
    columns: list[tuple[Any, ...]]


def decode_usual(payloads: Sequence[bytes]) -> Usual | None:
    """
    Decode payloads in one go.

    Args:
        payloads: Each one a record.

    Returns:
        None where one of them is no usual record.
    """
    try:
        records = _decode_array(_ARRAY_32 + len(payloads).to_bytes(4) + b"".join(payloads))
    except UNREADABLE:
        return None
    return usual_of(records)


def usual_of(records: Sequence[Record]) -> Usual:
    """Return the items of records kind by kind."""
    return Usual(
        [record.site for record in records],
        [record.time for record in records],
        [record.args for record in records],
        [record.fields or _NO_FIELDS for record in records],
        [record.more for record in records],
    )
