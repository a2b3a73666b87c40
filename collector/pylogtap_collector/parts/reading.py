"""From the bytes of a slice to its records, as they are numbered in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pylogtap import wire
from pylogtap_collector.errors import CollectorError
from pylogtap_collector.inflating import inflate
from pylogtap_collector.parts.faces import Source
from pylogtap_collector.parts.structures import Room, is_wide, may_abound
from pylogtap_collector.parts.telling import Told, small, tell_loss, tell_unreadable
from pylogtap_collector.parts.usual import Usual, decode_usual, usual_of
from pylogtap_collector.wire import (
    DEFINITIONS,
    RECORDS,
    UNREADABLE,
    Definitions,
    Record,
    decode_record,
    encode_record,
    kind_of,
    payloads,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.parts.sites import CallSite, CallSites

_ZERO = b"\0"  # first item of what is no usual record
_INFLATED = 64 << 20  # bytes; what is stored was inflated within the limits of ingest before


@dataclass(slots=True)
class Batch:
    """
    The records of a slice.

    Attributes:
        number: Of the slice; with a record's place in it, it makes the record's id.
        received: When the slice came, ns since the epoch.
        reader: Knows what their numbers stand for.
        weight: Bytes that they take in memory, about, in relation to those of others.
        usual: All of them, where none is unusual.
        others: Otherwise: as they travelled, or already told where they are no records.
    """

    number: int
    received: int
    reader: SegmentReader
    weight: int
    usual: Usual | None = None
    others: Sequence[Record | Told] = ()

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.others) if self.usual is None else len(self.usual.sites)

    def records(self) -> Sequence[Record | Told]:
        """Return the records one by one."""
        return self.others if self.usual is None else self.usual.records()

    def payload(self, record: Record) -> bytes:
        """Return a record as it travelled."""
        return encode_record(record)


class SegmentReader:
    """Reads slices of one segment."""

    def __init__(self, definitions: Definitions, call_sites: CallSites) -> None:
        """
        Bind a segment.

        Args:
            definitions: What its numbers stand for; grows by the definitions in its slices.
            call_sites: Those that are known.
        """
        self.definitions = definitions
        self._call_sites = call_sites
        self._sites: dict[int, tuple[CallSite, Source]] = {}

    def read(self, number: int, received: int, body: bytes, encoding: str) -> Batch:
        """
        Read a slice. What cannot be read becomes a record that says so.

        Args:
            number: Of the slice.
            received: When it came, ns since the epoch.
            body: The slice as it was sent.
            encoding: What it is compressed with.
        """
        try:
            data = inflate(body, encoding, _INFLATED)
        except CollectorError as error:  # it was sound when it was stored
            told = tell_unreadable(body, error.detail, self.definitions)
            return Batch(number, received, self, len(body), others=[told])
        found = payloads(data)
        odd = [place for place, payload in enumerate(found) if payload[1:2] == _ZERO]
        unusual = False
        for place in odd:
            kind = kind_of(found[place])
            if kind in DEFINITIONS:
                self.define(found[place])
            unusual |= kind in RECORDS
        if not unusual:
            for place in reversed(odd):
                del found[place]
            if may_abound(data, found):
                return self._read_carefully(number, received, data, found)
            usual = decode_usual(found) if found else None
            if usual is not None and not any(map(is_wide, usual.fields)):
                return Batch(number, received, self, len(data), usual)
        return self._read_carefully(number, received, data, found)

    def _read_carefully(self, number: int, received: int, data: bytes, found: list[bytes]) -> Batch:
        """Read one record after the other: of each, no more than one has ever to be held as it came."""
        room, told, is_usual = Room(len(data)), list[Record | Told](), True
        for payload in found:
            kind = kind_of(payload)
            if kind in RECORDS:
                record = self._tell(payload)
                is_usual &= kind is None and isinstance(record, Record) and not room.take(record)
                told.append(record)
        weight = len(data) + room.weight
        if is_usual and told:
            return Batch(number, received, self, weight, usual_of(cast("list[Record]", told)))
        return Batch(number, received, self, weight, others=told)

    def define(self, payload: bytes) -> None:
        """Take up a definition; one that is known already changes nothing."""
        number = self.definitions.add(payload)
        if number is not None:
            self._sites.pop(number, None)
        elif kind_of(payload) != wire.KIND_THREAD:
            self._sites.clear()

    def site(self, number: int) -> tuple[CallSite, Source] | None:
        """Return a call site by its number, and where its records come from; None: nothing defines it."""
        found = self._sites.get(number)
        if found is None and (site := self.definitions.sites.get(number)) is not None:
            place = self.definitions.places.get(site.place) or self.definitions.place
            source = Source(*place, small(self.definitions.process.pid))
            found = self._sites[number] = (self._call_sites.of(site), source)
        return found

    def _tell(self, payload: bytes) -> Record | Told:
        try:
            if kind_of(payload) == wire.KIND_LOSS:
                return tell_loss(payload, self.definitions)
            return decode_record(payload)
        except UNREADABLE as error:
            return tell_unreadable(payload, str(error), self.definitions)
