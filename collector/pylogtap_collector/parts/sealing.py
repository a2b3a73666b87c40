"""
A part as bytes: two short ones that say what is in it, and a long one with its columns, each compressed.

The format of a block, version 1. ``summary`` and the sections of ``data`` are zstd frames. A section is one
column or a piece of one; the summary's directory says where in ``data`` it stands. ``bloom`` holds words and
runs of three letters that stand in messages besides literals, and the texts in other columns.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec
import numpy as np
import zstandard

from pylogtap_collector.parts import numbers, shorthand
from pylogtap_collector.parts.columns import read_column
from pylogtap_collector.parts.faces import class_of
from pylogtap_collector.parts.part import Having, Head, Part, pieces_of
from pylogtap_collector.parts.vocabulary import filter_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.parts.faces import Form, Source
    from pylogtap_collector.parts.numbers import Codes, Ints

VERSION = 1
LEVEL = 6  # of zstd: 4 % smaller than 3, for a tenth more time; from 9 on it costs more than it saves
MINUTE_NS = 60_000_000_000
_POINTER, _SECTION = 8, 20  # bytes that refer to a thing; as many of these for a section's place
_NARROW = 1 << 15  # numbers below fit in 16 bits
_encode = msgspec.msgpack.encode
_local = threading.local()


class Dictionary(Protocol):
    """Numbers sources and forms for all blocks of a store."""

    def source_ids(self, sources: Sequence[Source]) -> list[int]:
        """Return the number of each source."""
        ...

    def form_ids(self, forms: Sequence[Form]) -> list[int]:
        """Return the number of each form."""
        ...

    def sources(self, ids: Sequence[int]) -> tuple[Source, ...]:
        """Return sources by their numbers."""
        ...

    def forms(self, ids: Sequence[int]) -> tuple[Form, ...]:
        """Return forms by their numbers."""
        ...


class Sealed(NamedTuple):
    """
    A part as bytes.

    Attributes:
        summary: What is known of it without looking at its rows.
        bloom: Words that stand in it, see :mod:`pylogtap_collector.parts.bloom`.
        data: Its columns.
    """

    summary: bytes
    bloom: bytes
    data: bytes


class _Summary(msgspec.Struct, array_like=True, gc=False):
    """What stands in the summary of a block."""

    version: int
    count: int
    ids: tuple[int, int]
    times: tuple[int, int]
    sources: list[int]
    forms: list[int]
    shapes: list[tuple[str, ...]]
    kinds: dict[str, str]  # of columns
    numbers: list[tuple[int, bytes]]  # see _NUMBERS
    directory: list[tuple[str, int]]  # the sections of each column
    lengths: bytes  # of all sections
    minutes: tuple[int, bytes]  # see Summary.minutes


_NUMBERS = ("source_counts", "form_counts", "form_first", "form_last", "slices", "received")
_decode_summary = msgspec.msgpack.Decoder(_Summary).decode


def seal(part: Part, dictionary: Dictionary, *, level: int = LEVEL) -> Sealed:
    """
    Write a part.

    Args:
        part: With all of its columns in memory.
        dictionary: Numbers its sources and forms.
        level: Of zstd, 1 to 19.
    """
    head = part.head
    arranged, order = shorthand.arrange(part.texts.values)
    sections: dict[str, list[bytes]] = {
        "ids": [numbers.pack(part.ids, differences=True)],
        "times": _pack_times(part),
        "source": [numbers.pack(part.source.astype(np.int64))],
        "form": [numbers.pack(part.form.astype(np.int64))],
        "shape": [numbers.pack(part.shape.astype(np.int64))],
        "pieces": [numbers.pack(order[part.load("pieces")].astype(np.int64))],
        "texts": shorthand.write(arranged),
    }
    columns = {name: part.column(name) for name in sorted(part.names)}
    sections |= {name: column.write() for name, column in columns.items()}
    compress = zstandard.ZstdCompressor(level=level, write_content_size=True).compress
    minutes = minutes_of(part)
    written = [compress(section) for column in sections.values() for section in column]
    summary = _Summary(
        VERSION,
        head.rows,
        (head.first_id, head.last_id),
        (head.first_time, head.last_time),
        dictionary.source_ids(head.sources),
        dictionary.form_ids(head.forms),
        list(head.shapes),
        head.kinds,
        [_pack_fact(name, head) for name in _NUMBERS],
        [(name, len(column)) for name, column in sections.items()],
        numbers.pack(np.array(list(map(len, written)), np.int64)),
        (minutes.shape[1], numbers.pack(minutes.ravel())),
    )
    return Sealed(compress(_encode(summary)), filter_of(part), b"".join(written))


def _pack_times(part: Part) -> list[bytes]:
    """
    Write times: where each source begins, and the differences within it.

    In the coarsest unit that says them exactly: what clocks tell has six digits at most.
    """
    times = part.times
    unit = next(unit for unit in (1_000_000_000, 1_000_000, 1_000, 1) if not (times % unit).any())
    times = times // unit
    starts = _source_starts(part.source)
    steps = np.diff(times, prepend=times[:1])
    steps[starts] = 0
    return [_encode([unit, times[starts].tolist()]), numbers.pack(steps)]


_decode_times = msgspec.msgpack.Decoder(tuple[int, list[int]]).decode  # the unit, where sources begin


def _source_starts(source: Codes) -> Ints:
    return np.flatnonzero(np.diff(source, prepend=source[:1] - 1))


def _unpack_times(sections: Sequence[bytes], counts: Ints) -> Ints:
    unit, firsts = _decode_times(sections[0])
    lengths = counts[counts > 0]
    ends = np.cumsum(lengths)
    times = np.cumsum(numbers.unpack(sections[1], int(ends[-1])))
    times += np.repeat(np.array(firsts, np.int64) - times[ends - lengths], lengths)
    times *= unit
    return times


def _pack_fact(name: str, head: Head) -> tuple[int, bytes]:
    array: Ints = getattr(head, name)
    return len(array), numbers.pack(array.astype(np.int64), differences=name in {"slices", "received"})


class Summary(NamedTuple):
    """
    What can be kept of a sealed part in memory.

    Attributes:
        head: What is known without looking at its rows.
        places: Where in its data the sections of each column stand.
        minutes: Minute since the epoch, class of level and number of rows: counts over time.
    """

    head: Head
    places: dict[str, list[tuple[int, int]]]
    minutes: Ints

    @property
    def size(self) -> int:
        """About how many bytes it takes in memory."""
        head = self.head
        arrays = [found for found in (*head, self.minutes) if isinstance(found, np.ndarray)]
        things = len(head.forms) + len(head.sources) + _SECTION * sum(map(len, self.places.values()))
        return sum(found.nbytes for found in arrays) + _POINTER * things


def numbers_named(data: bytes) -> tuple[list[int], list[int]]:
    """
    Return the numbers of sources and of forms that the summary of a sealed part names.

    Args:
        data: From :func:`seal`.

    Raises:
        ValueError: It is damaged.
    """
    try:
        found = _decode_summary(decompress(data))
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise ValueError(str(error)) from error
    return found.sources, found.forms


def read_summary(data: bytes, dictionary: Dictionary) -> Summary:
    """
    Read the summary of a sealed part.

    Args:
        data: From :func:`seal`.
        dictionary: Knows its sources and forms.

    Raises:
        ValueError: A later version wrote it, or it is damaged.
    """
    found = _decode_summary(decompress(data))
    if found.version != VERSION:
        raise ValueError(f"the block has format {found.version}, this version reads {VERSION}")
    facts: dict[str, Any] = {
        name: numbers.unpack(packed, count)
        for name, (count, packed) in zip(_NUMBERS, found.numbers, strict=True)
    }
    forms = dictionary.forms(found.forms)
    head = Head(
        found.count,
        *found.ids,
        *found.times,
        dictionary.sources(found.sources),
        forms,
        tuple(found.shapes),
        **facts,
        kinds=found.kinds,
        pieces=pieces_of(forms),
        form_ids=np.array(found.forms, np.int64),
    )
    total = sum(count for _, count in found.directory)
    ends = np.cumsum(numbers.unpack(found.lengths, total)).tolist()
    places: dict[str, list[tuple[int, int]]] = {}
    position = section = 0
    for name, count in found.directory:
        spans = []
        for end in ends[section : section + count]:
            spans.append((position, end))
            position = end
        section += count
        places[name] = spans
    return Summary(head, places, numbers.unpack(found.minutes[1], found.minutes[0] * 3).reshape(3, -1))


class Loader:
    """Decodes the columns of a sealed part, each once."""

    def __init__(self, summary: Summary, fetch: Callable[[str], Sequence[bytes]]) -> None:
        """
        Decode nothing yet.

        Args:
            summary: Of the part.
            fetch: Returns the decompressed sections of a column by its name, each when it is asked for.
        """
        self._head = summary.head
        self._fetch = fetch
        self._decoded: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """Return a column."""
        if name not in self._decoded:
            self._decoded[name] = self._decode(name, self._fetch(name))
        return self._decoded[name]

    def some(self, name: str, places: Ints) -> Any:
        """Return the items at some places of a column of integers."""
        head = self._head
        if name in self._decoded or name in {"ids", "times"}:  # these are known by their differences
            return self(name)[places]
        if name == "source":
            return np.searchsorted(np.cumsum(head.source_counts), places, side="right")
        count = self._pieces if name == "pieces" else head.rows
        return numbers.pick(self._fetch(name)[0], count, places)

    @cached_property
    def _having(self) -> Having:
        return Having(self._head.shapes)

    @property
    def _pieces(self) -> int:
        return int((self._head.form_counts * self._head.pieces).sum())

    def _decode(self, name: str, sections: Sequence[bytes]) -> Any:
        head = self._head
        if name == "times":
            return _unpack_times(sections, head.source_counts)
        if name == "ids":
            return numbers.unpack(sections[0], head.rows)
        if name == "source":  # rows are ordered by it
            return np.repeat(np.arange(len(head.sources), dtype=np.int32), head.source_counts)
        if name in {"form", "shape"}:
            codes = numbers.unpack_codes(sections[0], head.rows)
            return codes.astype(np.int16) if len(getattr(head, f"{name}s")) < _NARROW else codes
        if name == "texts":
            return shorthand.read(sections)
        if name == "pieces":
            return numbers.unpack_codes(sections[0], self._pieces)
        having = self._having.of(name)
        rows = head.rows if having.all() else int(np.count_nonzero(having[self("shape")]))
        return read_column(head.kinds[name], rows, sections)


def minutes_of(part: Part) -> Ints:
    """Return minute, class of level and number of rows, wherever there are any: see :class:`Summary`."""
    classes = np.array([class_of(form.severity) for form in part.head.forms], np.int64)
    cells, counts = np.unique(part.times // MINUTE_NS * 8 + classes[part.form], return_counts=True)
    return np.stack([cells >> 3, cells & 7, counts])


def decompress(data: bytes) -> bytes:
    """Return what a zstd frame holds."""
    decompressor = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    plain: bytes = decompressor.decompress(data)
    return plain
