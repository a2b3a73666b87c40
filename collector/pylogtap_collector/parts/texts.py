"""
Different texts, numbered, and searched without making a string of each.

Whole numbers come first and are kept as such. The others follow, one a line; runs of hexadecimal digits, as
ids have them, may be lifted out of the lines and leave a mark. A line break or a mark of a text's own is
escaped.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pylogtap_collector.parts.numbers import Codes, Ints

MARK = b"\x01"
_MARK, _ESCAPE = "\x01", "\x02"
_HEX_DIGITS = frozenset("0123456789abcdef")
_LONG_HEX = re.compile(r"[0-9a-f]{8}")
_MOST = "9223372036854775807"  # a whole number of 64 bits; as texts, numbers of one length compare alike
_ESCAPED = re.compile(_ESCAPE + "([n12])")
_ESCAPES = str.maketrans({"\n": f"{_ESCAPE}n", _MARK: f"{_ESCAPE}1", _ESCAPE: f"{_ESCAPE}2"})
_MEANINGS = {"n": "\n", "1": _MARK, "2": _ESCAPE}
_LINE = 10
_EDGE = np.zeros(256, np.bool_)  # bytes that no word has; what is not ASCII is looked at as text
_EDGE[[byte for byte in range(128) if not re.match(rb"[A-Za-z0-9_\x01]", bytes([byte]))]] = True


class Lifted(Protocol):
    """Runs of hexadecimal digits, in the order of their marks."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, place: int, /) -> str:
        """Return one of them."""
        ...

    def __iter__(self) -> Iterator[str]:
        """Yield all of them."""
        ...


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
        self, integers: Ints, raw: bytes, count: int, runs: Lifted = (), *, escaped: bool = False
    ) -> None:
        """
        Take texts as they are stored.

        Args:
            integers: Those that are whole numbers.
            raw: The others, UTF-8.
            count: How many lines that is.
            runs: What the marks in them stand for, in their order.
            escaped: Lines have escapes.
        """
        self.integers = integers
        self.whole = len(integers)
        self.count = count
        self.runs = runs
        self.marks = len(runs)
        self.__dict__["_lines"] = raw, escaped

    def __len__(self) -> int:
        """Return how many there are."""
        return self.whole + self.count

    @classmethod
    def of(cls, values: Sequence[str]) -> Texts:
        """Take different texts as they are, without writing any of them shorter."""
        found = cls(np.empty(0, np.int64), b"", len(values))
        del found.__dict__["_lines"]  # made of the values when it is asked for
        found.__dict__["values"] = values
        return found

    @property
    def raw(self) -> bytes:
        """Those that are no whole numbers, one a line, UTF-8."""
        return self._lines[0]

    @property
    def escaped(self) -> bool:
        """Whether lines have escapes."""
        return self._lines[1]

    @cached_property
    def _lines(self) -> tuple[bytes, bool]:
        values = self.values
        lines = "\n".join(values)
        escaped = lines.count("\n") != max(0, len(values) - 1) or _ESCAPE in lines or _MARK in lines
        if escaped:
            lines = "\n".join([value.translate(_ESCAPES) for value in values])
        return lines.encode(), escaped

    @cached_property
    def values(self) -> list[str]:
        """All of them."""
        found = list(map(str, self.integers.tolist()))
        if self.count:
            found += self._plain(self._whole.decode().split("\n"))
        return found

    def some(self, codes: Sequence[int]) -> list[str]:
        """Return the texts of some numbers: quicker than all of them, where these are few."""
        if "values" in self.__dict__ or len(codes) > len(self) // 8:
            return [self.values[code] for code in codes]
        first = self.whole
        lines = [code - first for code in codes if code >= first]
        if not lines:
            return list(map(str, self._integers_at(codes)))
        whole = iter(self._integers_at([code for code in codes if code < first]))
        return [str(next(whole)) if code < first else self._line(code - first) for code in codes]

    def _integers_at(self, codes: Sequence[int]) -> list[int]:
        found: list[int] = self.integers[codes].tolist() if codes else []
        return found

    def holding(self, needle: str) -> Codes:
        """
        Return the numbers of the texts that hold a string, as it is written.

        Args:
            needle: Not empty.
        """
        found: list[int] = []
        if needle.isdecimal() and self.whole:
            found += [number for number, text in enumerate(self.values[: self.whole]) if needle in text]
        if self.escaped or "\n" in needle:
            first = self.whole
            found += [number for number in range(first, len(self)) if needle in self.values[number]]
            return np.array(found, np.int32)
        raw = self._lines_for(needle, inner=True)
        places = _occurrences(raw, needle.encode())
        codes = np.unique(np.searchsorted(_breaks(raw), places)) + self.whole
        return np.concatenate([np.array(found, np.int32), codes.astype(np.int32)])

    def with_word(self, word: str) -> Hits:
        r"""
        Return where a word stands: a run of ``\w``, and no part of a longer one.

        Args:
            word: Case folded.
        """
        codes, first, last = self._among_numbers(word)
        if self.escaped or not self._is_ascii:
            places = [
                (number, found.start() == 0, found.end() == len(text))
                for number, text in enumerate(self._folded, self.whole)
                for found in re.finditer(r"\w+", text)
                if found[0] == word
            ]
            codes += [place[0] for place in places]
            first += [place[1] for place in places]
            last += [place[2] for place in places]
        elif word.isascii():
            found = self._bounded(self._lines_for(word, inner=False).lower(), word.encode())
            return Hits(
                np.concatenate([np.array(codes, np.int32), found.codes]),
                np.concatenate([np.array(first, np.bool_), found.first]),
                np.concatenate([np.array(last, np.bool_), found.last]),
            )
        return Hits(np.array(codes, np.int32), np.array(first, np.bool_), np.array(last, np.bool_))

    def _among_numbers(self, word: str) -> tuple[list[int], list[bool], list[bool]]:
        if self.whole and is_number(word):
            codes = np.flatnonzero(self.integers == int(word)).tolist()
            return codes, [True] * len(codes), [True] * len(codes)
        return [], [], []

    def _bounded(self, raw: bytes, word: bytes) -> Hits:
        """Return the occurrences of a word in ASCII lines, not those within longer words."""
        places = _occurrences(raw, word)
        framed = np.frombuffer(b"\n" + raw + b"\n", np.uint8)
        before, behind = framed[places], framed[places + len(word) + 1]
        whole = _EDGE[before] & _EDGE[behind]
        places = places[whole]
        codes = np.searchsorted(_breaks(raw), places) + self.whole
        return Hits(codes.astype(np.int32), before[whole] == _LINE, behind[whole] == _LINE)

    def _lines_for(self, needle: str, *, inner: bool) -> bytes:
        """Return lines in which a string can be found: with marks where none of them can be part of it."""
        if not self.marks:
            return self.raw
        if inner:
            hidden = needle[0] in _HEX_DIGITS or needle[-1] in _HEX_DIGITS
            return self._whole if hidden or _LONG_HEX.search(needle) else self.raw
        return self._whole if _LONG_HEX.search(needle) else self.raw

    @cached_property
    def _whole(self) -> bytes:
        """Lines without marks."""
        if not self.marks:
            return self.raw
        parts = self.raw.split(MARK)
        joined = [b""] * (2 * len(parts) - 1)
        joined[0::2], joined[1::2] = parts, "\n".join(self.runs).encode().split(b"\n")
        return b"".join(joined)

    @cached_property
    def _is_ascii(self) -> bool:
        return self.raw.isascii()

    @cached_property
    def _folded(self) -> list[str]:
        return [value.casefold() for value in self.values[self.whole :]]

    @cached_property
    def _starts(self) -> Ints:
        """Where each line begins, and where one behind the last would."""
        return np.concatenate([[0], _breaks(self.raw) + 1, [len(self.raw) + 1]])

    def _line(self, number: int) -> str:
        begin, end = self._starts[number : number + 2].tolist()
        line = self.raw[begin : end - 1]
        if self.marks and MARK in line:
            run = self.raw.count(MARK, 0, begin)
            while MARK in line:
                line = line.replace(MARK, self.runs[run].encode(), 1)
                run += 1
        return self._plain([line.decode()])[0]

    def _plain(self, lines: list[str]) -> list[str]:
        return [_ESCAPED.sub(_meaning, line) for line in lines] if self.escaped else lines


def is_number(text: str) -> bool:
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
    """
    Return where a string begins in bytes, but for those that begin within the one before.

    These stand in the same line, and are no words: what is before them is a part of the one before.
    """
    between = raw.split(wanted)
    lengths = np.fromiter(map(len, between), np.int64, len(between))[:-1]
    return np.cumsum(lengths) + np.arange(len(lengths)) * len(wanted)


def _breaks(raw: bytes) -> Ints:
    return np.flatnonzero(np.frombuffer(raw, np.uint8) == _LINE)
