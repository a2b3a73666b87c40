"""
Which words and runs of three letters stand in a block, or perhaps: a Bloom filter.

B. H. Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13(7), 1970. Two hashes make
all probes: A. Kirsch, M. Mitzenmacher, Less hashing, same performance, 2006. Six bits a word and four
probes let one in eighteen words pass that are not there.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pylogtap_collector.parts.numbers import sorted_unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pylogtap_collector.parts.numbers import Ints

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_BITS = 6
_PROBES = 4
_PIECE = 64 << 10  # bytes
_LINE = 10
_WORD = np.zeros(256, np.int8)
_WORD[[byte for byte in range(128) if re.match(rb"[A-Za-z0-9_]", bytes([byte]))]] = 1
_LETTERS = np.zeros(256, np.uint16)
_LETTERS[ord("a") : ord("z") + 1] = np.arange(1, 27)
_PLACES = np.arange(1 << 15)
_TRIPLES = (_PLACES >> 10 > 0) & (_PLACES >> 5 & 31 > 0) & (_PLACES & 31 > 0)  # without what is no letter
_FACTOR = 0x9E37_79B9_7F4A_7C15
_WHOLE = (1 << 64) - 1
_LOW = np.uint64(0xFFFF_FFFF)


@lru_cache(maxsize=2)
def _powers(room: int) -> tuple[Hashes, Hashes]:
    powers, inverses = np.full(room, _FACTOR, np.uint64), np.full(room, pow(_FACTOR, -1, 1 << 64), np.uint64)
    powers[0] = inverses[0] = 1
    return np.multiply.accumulate(powers), np.multiply.accumulate(inverses)


def _tables(size: int) -> tuple[Hashes, Hashes]:
    """Return the powers of the factor, and their inverses modulo 2**64, for texts of a size."""
    return _powers(max(2 * _PIECE, 1 << (size - 1).bit_length()))


def hash_words(text: bytes) -> Hashes:
    """
    Return the hashes of the different words of an ASCII text, all at once.

    A word's hash is a polynomial of its bytes: the difference of two prefix sums, moved to the beginning.

    Args:
        text: Case folded.
    """
    found = []
    for piece in _some_of(text):
        marked = np.zeros(len(piece) + 2, np.int8)
        marked[1:-1] = _WORD[np.frombuffer(piece, np.uint8)]
        edges = np.diff(marked)
        found.append(_hash_spans(piece, np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)))
    return sorted_unique(np.concatenate(found)) if found else np.empty(0, np.uint64)


def hash_triples(text: bytes) -> Hashes:
    """
    Return the hashes of the different runs of three ASCII letters in a text.

    Args:
        text: In lower case.
    """
    seen = np.zeros(1 << 15, np.bool_)
    for piece in _some_of(text):
        letters = _LETTERS[np.frombuffer(piece, np.uint8)]
        seen[letters[:-2] << 10 | letters[1:-1] << 5 | letters[2:]] = True
    return _hash_numbers(np.flatnonzero(seen & _TRIPLES))


def triples_of(text: str) -> frozenset[int]:
    """Return the hashes of the runs of three ASCII letters in a text of any case."""
    return frozenset(hash_triples(text.lower().encode("utf-8", "replace")).tolist())


def _hash_numbers(numbers: Ints) -> Hashes:
    return _mix(numbers.astype(np.uint64) + np.uint64(1) << np.uint64(40))


def hash_lines(name: str, text: bytes) -> Hashes:
    """
    Return the hashes of lines as values of a column, all at once.

    Args:
        name: Of the column.
        text: UTF-8.
    """
    found = [np.empty(0, np.uint64)]
    for piece in _some_of(text + b"\n"):
        ends = np.flatnonzero(np.frombuffer(piece, np.uint8) == _LINE)
        begins = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
        found.append(_hash_spans(piece, begins, ends))
    return _mix(np.concatenate(found) ^ np.uint64(hash_word(name)))


def hash_value(name: str, value: str) -> int:
    """Return the hash of one value of a column, as :func:`hash_lines` has it."""
    return int(_mix(np.array([hash_word(value) ^ hash_word(name)], np.uint64))[0])


def hash_word(word: str) -> int:
    """Return the hash of one word, as :func:`hash_words` has it."""
    total, power = 0, 1
    for byte in word.encode():
        total = (total + (byte + 1) * power) & _WHOLE
        power = power * _FACTOR & _WHOLE
    return int(_mix(np.array([total], np.uint64))[0])


def _some_of(text: bytes) -> Iterator[bytes]:
    """Cut a text at ends of lines into pieces that are not much larger than the tables below."""
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin + _PIECE)
        end = len(text) if end < 0 else end + 1
        yield text[begin:end]
        begin = end


def _hash_spans(text: bytes, begins: Ints, ends: Ints) -> Hashes:
    raw = np.frombuffer(text, np.uint8)
    powers, inverses = _tables(len(raw) + 1)
    sums = np.zeros(len(raw) + 1, np.uint64)
    np.cumsum((raw.astype(np.uint64) + np.uint64(1)) * powers[: len(raw)], out=sums[1:])
    return _mix((sums[ends] - sums[begins]) * inverses[begins])


def _mix(hashes: Hashes) -> Hashes:
    hashes = hashes ^ (hashes >> np.uint64(29))
    hashes = hashes * np.uint64(0xBF58_476D_1CE4_E5B9)
    return hashes ^ (hashes >> np.uint64(32))


def make(hashes: Iterable[int] | Hashes) -> bytes:
    """
    Make a filter.

    Args:
        hashes: Of everything that is in it.
    """
    array = hashes if isinstance(hashes, np.ndarray) else np.array(list(hashes), np.uint64)
    size = max(64, (len(array) * _BITS + 63) // 64 * 64)
    bits = np.zeros(size, np.uint8)
    start, step = array & _LOW, array >> np.uint64(32) | np.uint64(1)
    for probe in range(_PROBES):
        bits[((start + np.uint64(probe) * step) % np.uint64(size)).astype(np.int64)] = 1
    return np.packbits(bits).tobytes()


def may_hold(bloom: bytes, hashed: int) -> bool:
    """
    Tell whether something may be in a filter.

    Args:
        bloom: From :func:`make`.
        hashed: Its hash.
    """
    size, start, step = len(bloom) * 8, hashed & 0xFFFF_FFFF, hashed >> 32 | 1
    for probe in range(_PROBES):
        place = (start + probe * step) % size
        if not bloom[place >> 3] >> (7 - (place & 7)) & 1:
            return False
    return True
