"""
Different texts, numbered: written small, and searched without making a string of each.

Whole numbers come first and are stored as such. The others follow, one a line; runs of eight hexadecimal
digits and more, as ids have them, are lifted out of the lines and leave a mark. A line break or a mark of a
text's own is escaped.
"""

from __future__ import annotations

import re
import struct
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.parts import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pylogtap_collector.parts.numbers import Codes, Ints

_MARK, _ESCAPE = "\x01", "\x02"
_HEX_RUN = re.compile(r"([0-9a-f]{8,255})")
_HEX_DIGITS = frozenset("0123456789abcdef")
_LONG_HEX = re.compile(r"[0-9a-f]{8}")
_MOST = "9223372036854775807"  # a whole number of 64 bits; as texts, numbers of one length compare alike
_ESCAPED = re.compile(_ESCAPE + "([n12])")
_ESCAPES = str.maketrans({"\n": f"{_ESCAPE}n", _MARK: f"{_ESCAPE}1", _ESCAPE: f"{_ESCAPE}2"})
_MEANINGS = {"n": "\n", "1": _MARK, "2": _ESCAPE}
_HEAD = struct.Struct("<IIIIB")  # numbers, lines, runs, different runs; flags
_IS_ESCAPED, _IS_ASCII = 1, 2
_LINE = 10
_EDGE = np.zeros(256, np.bool_)  # bytes that no word has; what is not ASCII is looked at as text
_EDGE[[byte for byte in range(128) if not re.match(rb"[A-Za-z0-9_\x01]", bytes([byte]))]] = True


class Hits(NamedTuple):
    """
    Texts that hold a word, and where in them it stands.

    Attributes:
        codes: Numbers of the texts; one may come up more than once.
        first: The word is the beginning of the text.
        last: The word is the end of the text.
    """

    codes: Codes
    first: np.ndarray[tuple[int], np.dtype[np.bool_]]
    last: np.ndarray[tuple[int], np.dtype[np.bool_]]


class Texts:
    """Different texts, numbered from 0."""

    def __init__(
        self, integers: Ints, lines: str, count: int, runs: Sequence[str] = (), *, escaped: bool = False
    ) -> None:
        """
        Take texts as they are stored.

        Args:
            integers: Those that are whole numbers.
            lines: The others.
            count: How many lines that is.
            runs: What the marks in them stand for, in their order.
            escaped: Lines have escapes.
        """
        self._integers = integers
        self._lines = lines
        self._count = count
        self._runs = runs
        self._escaped = escaped

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._integers) + self._count

    @classmethod
    def of(cls, values: Sequence[str]) -> Texts:
        """Take different texts as they are, without writing any of them shorter."""
        lines = "\n".join(values)
        escaped = lines.count("\n") != max(0, len(values) - 1) or _ESCAPE in lines or _MARK in lines
        if escaped:
            lines = "\n".join([value.translate(_ESCAPES) for value in values])
        return cls(np.empty(0, np.int64), lines, len(values), escaped=escaped)

    @cached_property
    def values(self) -> list[str]:
        """All of them."""
        found = list(map(str, self._integers.tolist()))
        if self._count:
            found += self._plain(self._whole.split("\n"))
        return found

    def some(self, codes: Sequence[int]) -> list[str]:
        """Return the texts of some numbers: quicker than all of them, where these are few."""
        if "values" in self.__dict__ or len(codes) > len(self) // 8:
            return [self.values[code] for code in codes]
        first = len(self._integers)
        return [
            str(int(self._integers[code])) if code < first else self._line(code - first) for code in codes
        ]

    def holding(self, needle: str) -> Codes:
        """
        Return the numbers of the texts that hold a string, as it is written.

        Args:
            needle: Not empty.
        """
        found: list[int] = []
        if needle.isdecimal() and len(self._integers):
            found += [
                number for number, text in enumerate(self.values[: len(self._integers)]) if needle in text
            ]
        if self._escaped or "\n" in needle:
            first = len(self._integers)
            found += [number for number in range(first, len(self)) if needle in self.values[number]]
            return np.array(found, np.int32)
        lines = self._lines_for(needle, inner=True)
        raw, wanted = lines.encode(), needle.encode()
        places = _occurrences(raw, wanted)
        codes = np.unique(np.searchsorted(_breaks(raw), places)) + len(self._integers)
        return np.concatenate([np.array(found, np.int32), codes.astype(np.int32)])

    def with_word(self, word: str) -> Hits:
        r"""
        Return where a word stands: a run of ``\w``, and no part of a longer one.

        Args:
            word: Case folded.
        """
        codes, first, last = self._among_numbers(word)
        if self._escaped or not self._is_ascii:
            places = [
                (number, found.start() == 0, found.end() == len(text))
                for number, text in enumerate(self._folded, len(self._integers))
                for found in re.finditer(r"\w+", text)
                if found[0] == word
            ]
            codes += [place[0] for place in places]
            first += [place[1] for place in places]
            last += [place[2] for place in places]
        elif word.isascii():
            raw = self._lines_for(word, inner=False).lower().encode()
            found = self._bounded(raw, word.encode())
            return Hits(
                np.concatenate([np.array(codes, np.int32), found.codes]),
                np.concatenate([np.array(first, np.bool_), found.first]),
                np.concatenate([np.array(last, np.bool_), found.last]),
            )
        return Hits(np.array(codes, np.int32), np.array(first, np.bool_), np.array(last, np.bool_))

    def _among_numbers(self, word: str) -> tuple[list[int], list[bool], list[bool]]:
        if len(self._integers) and _is_number(word):
            codes = np.flatnonzero(self._integers == int(word)).tolist()
            return codes, [True] * len(codes), [True] * len(codes)
        return [], [], []

    def _bounded(self, raw: bytes, word: bytes) -> Hits:
        """Return the occurrences of a word in ASCII lines, not those within longer words."""
        places = _occurrences(raw, word)
        framed = np.frombuffer(b"\n" + raw + b"\n", np.uint8)
        before, behind = framed[places], framed[places + len(word) + 1]
        whole = _EDGE[before] & _EDGE[behind]
        places = places[whole]
        codes = np.searchsorted(_breaks(raw), places) + len(self._integers)
        return Hits(codes.astype(np.int32), before[whole] == _LINE, behind[whole] == _LINE)

    def _lines_for(self, needle: str, *, inner: bool) -> str:
        """Return lines in which a string can be found: with marks where none of them can be part of it."""
        if not self._runs:
            return self._lines
        if inner:
            hidden = needle[0] in _HEX_DIGITS or needle[-1] in _HEX_DIGITS
            return self._whole if hidden or _LONG_HEX.search(needle) else self._lines
        return self._whole if _LONG_HEX.search(needle) else self._lines

    @cached_property
    def _whole(self) -> str:
        """Lines without marks."""
        if not self._runs:
            return self._lines
        parts = self._lines.split(_MARK)
        joined = [""] * (2 * len(parts) - 1)
        joined[0::2], joined[1::2] = parts, self._runs
        return "".join(joined)

    @cached_property
    def _is_ascii(self) -> bool:
        return self._lines.isascii()

    @cached_property
    def _folded(self) -> list[str]:
        return [value.casefold() for value in self.values[len(self._integers) :]]

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line begins, in characters."""
        starts, place = [0], self._lines.find("\n")
        while place >= 0:
            starts.append(place + 1)
            place = self._lines.find("\n", place + 1)
        starts.append(len(self._lines) + 1)
        return starts

    def _line(self, number: int) -> str:
        begin, end = self._starts[number], self._starts[number + 1] - 1
        line = self._lines[begin:end]
        if self._runs and _MARK in line:
            run = self._lines.count(_MARK, 0, begin)
            while _MARK in line:
                line = line.replace(_MARK, self._runs[run], 1)
                run += 1
        return self._plain([line])[0]

    def _plain(self, lines: list[str]) -> list[str]:
        return [_ESCAPED.sub(_meaning, line) for line in lines] if self._escaped else lines


def _is_number(text: str) -> bool:
    """Tell whether a text is a whole number of 64 bits as it is written: without sign and leading zeros."""
    return (
        text.isdecimal()
        and (text[0] != "0" or text == "0")
        and (len(text) < len(_MOST) or (len(text) == len(_MOST) and text <= _MOST))
        and text.isascii()
    )


def _meaning(found: re.Match[str]) -> str:
    return _MEANINGS[found[1]]


def _occurrences(raw: bytes, wanted: bytes) -> Ints:
    """Return where a string begins in bytes, occurrences that overlap included."""
    places, place = [], raw.find(wanted)
    while place >= 0:
        places.append(place)
        place = raw.find(wanted, place + 1)
    return np.array(places, np.int64)


def _breaks(raw: bytes) -> Ints:
    return np.flatnonzero(np.frombuffer(raw, np.uint8) == _LINE)


def arrange(values: Sequence[str]) -> tuple[Texts, Codes]:
    """
    Arrange different texts so that they can be written small.

    Args:
        values: Different texts.

    Returns:
        The texts in their new order, and the new number of each.
    """
    decimal = list(map(str.isdecimal, values))
    integers = [number for number, it in enumerate(decimal) if it and _is_number(values[number])]
    others = np.ones(len(values), np.bool_)
    others[integers] = False
    lines = np.flatnonzero(others).tolist()
    order = np.empty(len(values), np.int32)
    order[np.array(integers + lines, np.int64)] = np.arange(len(values), dtype=np.int32)
    plain = Texts.of([values[number] for number in lines])
    parts = _HEX_RUN.split(plain._lines)  # noqa: SLF001 - of its own kind
    texts = Texts(
        np.array([int(values[number]) for number in integers], np.int64),
        _MARK.join(parts[0::2]),
        len(lines),
        parts[1::2],
        escaped=plain._escaped,  # noqa: SLF001
    )
    return texts, order


def write(texts: Texts) -> list[bytes]:
    """
    Write texts as sections, each to be compressed by itself.

    Args:
        texts: From :func:`arrange`.
    """
    integers, lines, runs = texts._integers, texts._lines, texts._runs  # noqa: SLF001
    different, codes = numbers.number_first(runs)
    flags = _IS_ESCAPED * texts._escaped + _IS_ASCII * lines.isascii()  # noqa: SLF001
    digits = "".join([run if len(run) % 2 == 0 else run + "0" for run in different])
    lengths = np.fromiter(map(len, different), np.int64, len(different))
    return [
        _HEAD.pack(len(integers), texts._count, len(runs), len(different), flags),  # noqa: SLF001
        numbers.pack(integers),
        lines.encode(),
        numbers.pack(codes.astype(np.int64)),
        numbers.pack(lengths),
        bytes.fromhex(digits),
    ]


def read(sections: Sequence[bytes]) -> Texts:
    """
    Read texts.

    Args:
        sections: From :func:`write`.
    """
    head, integers, lines, codes, lengths, digits = sections
    count, line_count, run_count, different, flags = _HEAD.unpack(head)
    runs: list[str] = []
    if run_count:
        spans = numbers.unpack(lengths, different).tolist()
        known = list(_cut(digits.hex(), spans))
        runs = [known[code] for code in numbers.unpack(codes, run_count).tolist()]
    return Texts(
        numbers.unpack(integers, count), lines.decode(), line_count, runs, escaped=bool(flags & _IS_ESCAPED)
    )


def _cut(digits: str, lengths: Iterable[int]) -> Iterable[str]:
    position = 0
    for length in lengths:
        yield digits[position : position + length]
        position += length + length % 2
