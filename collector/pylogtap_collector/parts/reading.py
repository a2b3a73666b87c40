"""From the bytes of a slice to its records, as they are numbered in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pylogtap import wire
from pylogtap_collector.errors import CollectorError
from pylogtap_collector.parts.faces import Source
from pylogtap_collector.parts.telling import Told, small, tell_loss, tell_unreadable
from pylogtap_collector.wire import (
    DEFINITIONS,
    RECORDS,
    UNREADABLE,
    Definitions,
    Record,
    decode_record,
    decode_records,
    encode_record,
    inflate,
    kind_of,
    payloads,
)

if TYPE_CHECKING:
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
        records: As they travelled, or already told where they are no records.
        reader: Knows what their numbers stand for.
    """

    number: int
    received: int
    records: list[Record | Told]
    reader: SegmentReader

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
            return Batch(number, received, [told], self)
        found = payloads(data)
        usual = [payload for payload in found if payload[1:2] != _ZERO]
        if len(usual) == len(found):
            return Batch(number, received, self._decode(usual), self)
        for payload in found:
            if kind_of(payload) in DEFINITIONS:
                self.define(payload)
        records = self._decode(usual)
        place = 0
        for payload in found:
            kind = kind_of(payload)
            if payload[1:2] == _ZERO and kind in RECORDS:
                records.insert(place, self._tell(payload))
            place += kind in RECORDS
        return Batch(number, received, records, self)

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
            source = Source(*place, small(self.definitions.process.get("pid")))
            found = self._sites[number] = (self._call_sites.of(site), source)
        return found

    def _decode(self, usual: list[bytes]) -> list[Record | Told]:
        try:
            return [*decode_records(usual)]
        except UNREADABLE:  # one of them: find out which
            return [self._tell(payload) for payload in usual]

    def _tell(self, payload: bytes) -> Record | Told:
        try:
            if kind_of(payload) == wire.KIND_LOSS:
                return tell_loss(payload, self.definitions)
            return decode_record(payload)
        except UNREADABLE as error:
            return tell_unreadable(payload, str(error), self.definitions)
