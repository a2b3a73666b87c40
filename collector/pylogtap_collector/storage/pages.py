"""
The pages of a database file, read without SQLite: what is damaged is passed over, and the rest is found.

The format is https://sqlite.org/fileformat2.html; what is committed in the write-ahead log counts, too.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PAGE_SIZE = 8192  # of our files, where the header cannot be read
INTERIOR_INDEX, INTERIOR_TABLE, LEAF_INDEX, LEAF_TABLE = 2, 5, 10, 13
_FREE_OR_OVERFLOW = {2, 3, 4}  # of the pointer map: such a page is none of a tree
_HEADER = 100  # bytes of the file before the first page's tree
_LOG_HEADER, _FRAME_HEADER = 32, 24
_FLOAT = 7
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type: bytes
_UNREADABLE = (ValueError, IndexError, struct.error, UnicodeError)


class Cell(NamedTuple):
    """
    An entry of a tree.

    Attributes:
        rowid: Its key; 0 in an index.
        values: Its columns, as they are stored.
    """

    rowid: int
    values: Sequence[Any]


class Pages:
    """The pages of one database, those in its write-ahead log before those in the file."""

    def __init__(self, path: Path) -> None:
        """
        Open the files.

        Args:
            path: The database; its log stands beside it.
        """
        self._file = path.open("rb")
        header = self._file.read(_HEADER)
        size = int.from_bytes(header[16:18], "big")
        size = 65536 if size == 1 else size
        sound = header.startswith(b"SQLite format 3\0") and 512 <= size <= 65536 and not size & (size - 1)
        self.size = size if sound else PAGE_SIZE
        self._usable = self.size - (header[20] if sound else 0)
        self._log = path.with_name(f"{path.name}-wal")
        self._newer = dict(_committed(self._log, self.size))
        self._log_file = self._log.open("rb") if self._newer else None
        self.count = max(path.stat().st_size // self.size, *self._newer, 0)

    def __enter__(self) -> Self:
        """Read inside."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self._file.close()
        if self._log_file is not None:
            self._log_file.close()

    def page(self, number: int) -> bytes:
        """
        Return a page.

        Raises:
            ValueError: There is none of this number.
        """
        if not 0 < number <= self.count:
            raise ValueError(number)
        if self._log_file is not None and number in self._newer:
            self._log_file.seek(self._newer[number])
            return self._log_file.read(self.size)
        self._file.seek((number - 1) * self.size)
        data = self._file.read(self.size)
        if len(data) < self.size:
            raise ValueError(number)
        return data

    def kind(self, number: int) -> int:
        """Return what kind of tree page a page is, by its first byte; 0: none that can be read."""
        try:
            return self.page(number)[_begin(number)]
        except _UNREADABLE:
            return 0

    def may_be_tree(self, number: int) -> bool:
        """Tell whether the pointer map allows that a page belongs to a tree."""
        group = self._usable // 5 + 1
        of = (number - 2) // group * group + 2
        if number < 2:
            return True
        if of == number:
            return False
        try:
            return self.page(of)[5 * (number - of - 1)] not in _FREE_OR_OVERFLOW
        except _UNREADABLE:
            return True

    def children(self, number: int) -> list[int]:
        """
        Return the pages below an interior page.

        Raises:
            ValueError: It is none, or damaged.
        """
        data, begin = self.page(number), _begin(number)
        try:
            if data[begin] not in {INTERIOR_TABLE, INTERIOR_INDEX}:
                raise ValueError(number)
            places = _places(data, begin, 12)
            found = [int.from_bytes(data[place : place + 4], "big") for place in places]
        except (IndexError, struct.error) as error:
            raise ValueError(number) from error
        return [*found, int.from_bytes(data[begin + 8 : begin + 12], "big")]

    def cells(self, number: int, *, torn: bool = False) -> Iterator[Cell | None]:
        """
        Yield the entries of a page; None for one that cannot be read.

        Args:
            number: Of the page.
            torn: Also those of which further pages cannot be found; zeros stand for what was in these.
        """
        data, begin = self.page(number), _begin(number)
        kind = data[begin]
        try:
            places = _places(data, begin, 12 if kind == INTERIOR_INDEX else 8)
        except (ValueError, struct.error):
            yield None
            return
        for place in places:
            try:
                yield self._cell(data, place + (4 if kind == INTERIOR_INDEX else 0), kind, torn=torn)
            except _UNREADABLE:
                yield None

    def _cell(self, data: bytes, place: int, kind: int, *, torn: bool) -> Cell:
        length, place = _varint(data, place)
        rowid = 0
        if kind == LEAF_TABLE:
            rowid, place = _varint(data, place)
        usable = self._usable
        most = usable - 35 if kind == LEAF_TABLE else (usable - 12) * 64 // 255 - 23
        if length <= most:
            payload = data[place : place + length]
        else:
            least = (usable - 12) * 32 // 255 - 23
            local = least + (length - least) % (usable - 4)
            local = local if local <= most else least
            payload = data[place : place + local]
            following = int.from_bytes(data[place + local : place + local + 4], "big")
            payload += self._overflow(following, length - local, torn=torn)
        if len(payload) != length:
            raise ValueError(place)
        return Cell(rowid - (1 << 64) if rowid >> 63 else rowid, _values(payload))

    def _overflow(self, number: int, size: int, *, torn: bool) -> bytes:
        pieces, room = [], self._usable - 4
        if size > self.count * room:
            raise ValueError(size)
        while size > 0:
            try:
                data = self.page(number)
            except _UNREADABLE:
                if not torn:
                    raise
                pieces.append(bytes(size))
                break
            pieces.append(data[4 : 4 + min(room, size)])
            number = int.from_bytes(data[:4], "big")
            size -= room
        return b"".join(pieces)


def _begin(number: int) -> int:
    return _HEADER if number == 1 else 0


def _places(data: bytes, begin: int, header: int) -> tuple[int, ...]:
    """Return where the entries of a page are."""
    (count,) = struct.unpack_from(">H", data, begin + 3)
    if header + 2 * count > len(data):
        raise ValueError(count)
    return struct.unpack_from(f">{count}H", data, begin + header)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
    return value << 8 | data[place], place + 1


def _values(payload: bytes) -> list[Any]:
    """Return the columns of a record."""
    end, place = _varint(payload, 0)
    if end > len(payload):
        raise ValueError(end)
    types = []
    while place < end:
        kind, place = _varint(payload, place)
        types.append(kind)
    values = []
    for kind in types:
        size = _INTEGERS.get(kind, 8 if kind == _FLOAT else max(0, kind - 12) // 2)
        data = payload[place : place + size]
        if len(data) < size:
            raise ValueError(size)
        place += size
        values.append(_value(kind, data))
    if place != len(payload):
        raise ValueError(place)
    return values


def _value(kind: int, data: bytes) -> Any:
    if kind == _FLOAT:
        return struct.unpack(">d", data)[0]
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True)
    if kind in {0, 8, 9}:
        return (None, 0, 1)[max(0, kind - 7)]
    if kind < 12:
        raise ValueError(kind)
    return data.decode() if kind & 1 else data


def _committed(log: Path, size: int) -> Iterator[tuple[int, int]]:
    """Yield page numbers of a write-ahead log, and where their newest committed content stands."""
    if not log.exists() or log.stat().st_size < _LOG_HEADER:
        return
    waiting: dict[int, int] = {}
    with log.open("rb") as file:
        header = file.read(_LOG_HEADER)
        place = _LOG_HEADER
        while len(frame := file.read(_FRAME_HEADER)) == _FRAME_HEADER and frame[8:16] == header[16:24]:
            number, pages = struct.unpack(">II", frame[:8])
            waiting[number] = place + _FRAME_HEADER
            place += _FRAME_HEADER + size
            if place > log.stat().st_size:
                return
            file.seek(place)
            if pages:  # the last frame of a transaction
                yield from waiting.items()
                waiting.clear()
