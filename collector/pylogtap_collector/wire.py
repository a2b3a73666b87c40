"""
From the bytes of a request to frames, and from frames to values. What the bytes mean stands in pylogtap.wire.

Two passes: :func:`scan` checks a slice before it is acknowledged, and decodes nothing; :class:`Definitions`
and :func:`decode_record` read it later, when it is searched or sealed.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import zstandard

from pylogtap import wire
from pylogtap.wire import ABORTED, FLAGS, FRAME_HEADER, RESERVED, DamagedFrame, frame_size, salt_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
UNKNOWN = "unknown"
DEFINITIONS = {wire.KIND_PROCESS, wire.KIND_PLACE, wire.KIND_SITE, wire.KIND_THREAD}
RECORDS = {None, wire.KIND_LOSS}  # kinds of payload that become a record; later versions may have others


@dataclass(slots=True)
class Scan:
    """
    What a slice holds, as far as it can be taken.

    Attributes:
        end: Offset, in the segment, behind the last frame that can be taken.
        records: Frames among them that become records.
        definitions: Offset and payload of each definition among them.
        losses: Payloads that tell of records that were dropped; they name a place themselves.
        samples: Payloads with values of metrics; likewise.
        tests: Payloads of what happens in test runs; likewise.
        damage: The damaged frame that stands behind them.
        oversized: The frame that stands behind them is larger than a record may be.
        size: Bytes that it was found in.
    """

    end: int
    records: int = 0
    definitions: list[tuple[int, bytes]] = field(default_factory=list)
    losses: list[bytes] = field(default_factory=list)
    samples: list[bytes] = field(default_factory=list)
    tests: list[bytes] = field(default_factory=list)
    damage: DamagedFrame | None = None
    oversized: bool = False
    size: int = 0

    def note(self, offset: int, payload: bytes) -> bool:
        """
        Take up a payload that begins with 0, and tell whether it becomes a record.

        Args:
            offset: Where its frame begins in the segment.
            payload: The payload.
        """
        kind = kind_of(payload)
        if kind == wire.KIND_LOSS:
            self.losses.append(payload)
        elif kind == wire.KIND_SAMPLES:
            self.samples.append(payload)
        elif kind == wire.KIND_TEST:
            self.tests.append(payload)
        elif kind in DEFINITIONS:
            self.definitions.append((offset, payload))
        return kind in RECORDS


def scan(data: bytes, base: int, segment: bytes) -> Scan:
    """
    Check a slice, frame by frame, up to the first that is not complete.

    Takes at most what one segment of the usual size holds; a client sends what is left with its next request.
    This is what acknowledging a record costs, so it does not call anything for a usual frame but the check.

    Args:
        data: The slice.
        base: Its offset in the segment.
        segment: The segment's id.
    """
    size = min(len(data), wire.MAX_SEGMENT_BYTES)
    words, crc32, mix = memoryview(data)[: len(data) & ~3].cast("I"), zlib.crc32, salt_of(segment)
    position, last, records, result = 0, size - FRAME_HEADER, 0, Scan(base, size=len(data))
    while position <= last:
        index = position >> 2
        length = words[index]
        if not 0 < length <= wire.MAX_RECORD_BYTES:  # flags make it larger
            if not length & ABORTED or length & RESERVED:
                result.oversized = length > wire.MAX_RECORD_BYTES and not length & RESERVED
                break
            following = position + frame_size(length & ~FLAGS)
            if following > size:
                break
            position = following
            continue
        following = position + ((length + 15) & -8)
        if following > size:
            break
        payload = data[position + 8 : position + 8 + length]
        if words[index + 1] ^ crc32(payload) ^ mix != base + position:
            result.damage = DamagedFrame(base + position, base + following)
            break
        if data[position + 9] or result.note(base + position, payload):
            records += 1
        position = following
    result.end, result.records = base + position, records
    return result


def fitting_segment(data: bytes, base: int) -> bytes:
    """
    Return a segment's id by which the check of a slice's first frame is right, and so of all sound ones.

    For slices of which nobody knows the segment any more: where the first frame is damaged, no other fits.

    Args:
        data: The slice.
        base: Its offset in the segment.
    """
    position = 0
    while (length := int.from_bytes(data[position : position + 4], "little")) & ABORTED:
        position += frame_size(length & ~FLAGS)
    check = int.from_bytes(data[position + 4 : position + 8], "little")
    salt = check ^ zlib.crc32(data[position + 8 : position + 8 + length]) ^ (base + position)
    return (salt & 0xFFFF_FFFF).to_bytes(4, "little") + bytes(12)


def payloads(data: bytes) -> list[bytes]:
    """
    Return the committed payloads of a slice that has been checked.

    Args:
        data: The slice.
    """
    words, position, last = memoryview(data)[: len(data) & ~3].cast("I"), 0, len(data) - FRAME_HEADER
    found: list[bytes] = []
    while position <= last:
        length = words[position >> 2]
        if length < ABORTED:
            found.append(data[position + 8 : position + 8 + length])
            position += (length + 15) & -8
        else:
            position += frame_size(length & ~FLAGS)
    return found


def kind_of(payload: bytes) -> int | None:
    """Return which pylogtap.wire.KIND_* a payload is; None for a record, and for what cannot be read."""
    if len(payload) > 2 and payload[0] & 0xF0 == 0x90 and not payload[1]:  # [0, kind, …], a byte each
        return payload[2]
    return None


class Place(NamedTuple):
    """A prefix, whatever was sent as one."""

    project: str = UNKNOWN
    service: str = UNKNOWN
    instance: str = UNKNOWN

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `project/service/instance`; what a segment cannot hold becomes a dash."""
        parts = [_UNFIT.sub("-", part).lstrip("._-")[:63] or UNKNOWN for part in text.split("/", 2)]
        return cls(*parts)


class Site(msgspec.Struct, array_like=True, frozen=True):
    """Where records are logged: pylogtap.wire.KIND_SITE."""

    zero: int
    kind: int
    number: int
    place: int
    logger: str
    severity: int
    level: str
    template: str | None
    file: str | None
    line: int | None
    function: str | None
    style: int


class Record(msgspec.Struct, array_like=True, gc=False):
    """A record as it travels."""

    site: int
    time: int | float
    args: Any = None
    fields: dict[str, Any] | None = None
    more: dict[str, Any] | None = None


class Loss(msgspec.Struct, array_like=True):
    """Records that were dropped: pylogtap.wire.KIND_LOSS."""

    zero: int
    kind: int
    time: int | float
    place: int | str
    reasons: dict[str, int]


class Samples(msgspec.Struct, array_like=True):
    """Values of metrics: pylogtap.wire.KIND_SAMPLES; each is read by itself."""

    zero: int
    kind: int
    time: int
    place: str
    samples: list[msgspec.Raw]


class _TestHead(msgspec.Struct, array_like=True):
    """How what happens in a test run begins: pylogtap.wire.KIND_TEST; the rest is read where it is stored."""

    zero: int
    kind: int
    time: int
    place: str


class _Thread(msgspec.Struct, array_like=True):
    zero: int
    kind: int
    number: int
    ident: int
    name: str


class _Named(msgspec.Struct, array_like=True):
    zero: int
    kind: int
    number: int
    name: str


class Process(msgspec.Struct):
    """What is known of a process; whatever else is said of it is not looked at."""

    host: Any = None
    pid: Any = None


class _Process(msgspec.Struct, array_like=True):
    zero: int
    kind: int
    process: Process


_decode_site = msgspec.msgpack.Decoder(Site).decode
_decode_named = msgspec.msgpack.Decoder(_Named).decode
_decode_thread = msgspec.msgpack.Decoder(_Thread).decode
_decode_process = msgspec.msgpack.Decoder(_Process).decode
decode_record = msgspec.msgpack.Decoder(Record).decode
_decode_payloads = msgspec.msgpack.Decoder(list[bytes]).decode
encode_record = msgspec.msgpack.encode
decode_loss = msgspec.msgpack.Decoder(Loss).decode
decode_samples = msgspec.msgpack.Decoder(Samples).decode
_decode_test_head = msgspec.msgpack.Decoder(_TestHead).decode
UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError, TypeError, OverflowError)


class Definitions:
    """
    What the numbers of one segment stand for.

    Attributes:
        process: The process that wrote the segment.
        places: Prefixes.
        sites: Call sites.
        threads: Names of threads.
    """

    def __init__(self) -> None:
        self.process = Process()
        self.places: dict[int, Place] = {}
        self.sites: dict[int, Site] = {}
        self.threads: dict[int, str] = {}

    def add(self, payload: bytes) -> int | None:
        """
        Take up a definition. One that cannot be read leaves its number undefined.

        Args:
            payload: The definition.

        Returns:
            The number of the call site that it defines; None where it defines something else.
        """
        try:
            kind = kind_of(payload)
            if kind == wire.KIND_SITE:
                site = _decode_site(payload)
                self.sites[site.number] = site
                return site.number
            if kind == wire.KIND_PLACE:
                place = _decode_named(payload)
                self.places[place.number] = Place.parse(place.name)
            elif kind == wire.KIND_THREAD:
                thread = _decode_thread(payload)
                self.threads[thread.number] = thread.name
            elif kind == wire.KIND_PROCESS:
                found = _decode_process(payload).process
                host, pid = found.host, found.pid
                self.process = Process(host if type(host) is str else None, pid if type(pid) is int else None)
        except UNREADABLE:
            pass
        return None

    @property
    def place(self) -> Place:
        """Where a record belongs whose own place is not known."""
        return next(iter(self.places.values()), Place())


def places_in(definitions: Iterable[bytes]) -> list[Place]:
    """Return the places that some definitions define."""
    found = Definitions()
    for payload in definitions:
        if kind_of(payload) == wire.KIND_PLACE:
            found.add(payload)
    return list(found.places.values())


def projects_in(found: Scan) -> set[str]:
    """
    Return the projects that what a scan has found names.

    Args:
        found: The scan.
    """
    names = {place.project for place in places_in(payload for _, payload in found.definitions)}
    for payload in found.losses:
        try:
            place = decode_loss(payload).place
        except UNREADABLE:
            continue  # it becomes a record that says so, where all others of the segment are
        if isinstance(place, str):
            names.add(Place.parse(place).project)
    for payload in found.samples:
        try:
            names.add(Place.parse(decode_samples(payload).place).project)
        except UNREADABLE:
            continue  # nothing of it is stored
    return names | _projects_of_tests(found.tests)


def dropped_in(found: Scan) -> int:
    """
    Return how many records programs say they had to drop.

    Args:
        found: The scan.
    """
    total = 0
    for payload in found.losses:
        try:
            total += sum(decode_loss(payload).reasons.values())
        except UNREADABLE:
            continue  # the record that it becomes says so
    return total


def _projects_of_tests(payloads: Iterable[bytes]) -> set[str]:
    places: set[str] = set()
    for payload in payloads:
        try:
            places.add(_decode_test_head(payload).place)
        except UNREADABLE:
            continue  # nothing of it is stored
    return {Place.parse(place).project for place in places}


def pack_definitions(payloads: Sequence[bytes]) -> bytes:
    """Return definitions as they are stored."""
    return zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(payloads))


def unpack_definitions(stored: bytes) -> list[bytes]:
    """Return the payloads of stored definitions."""
    return _decode_payloads(zstandard.ZstdDecompressor().decompress(stored))
