"""
What stands in the messages of a part besides its literals: words, and runs of three letters.

Where a piece touches a letter or digit of a literal, or another piece, words go on from one to the other.
Such *strands* are put together before their words are taken, so that of each form every word is known that
its messages have: it stands whole in a literal, or here.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pylogtap_collector.parts import bloom
from pylogtap_collector.parts.columns import TextColumn
from pylogtap_collector.parts.numbers import sorted_unique
from pylogtap_collector.query.fields import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.parts.numbers import Codes
    from pylogtap_collector.parts.part import Part

_WORD = re.compile(r"\w+")
_LAST_WORD = re.compile(r"\w+\Z")


class Strand(NamedTuple):
    """
    Pieces whose words may go on beside them.

    Attributes:
        pieces: Their numbers, one behind the other.
        literals: What stands before, between and behind them, as far as their words reach.
    """

    pieces: tuple[int, ...]
    literals: tuple[str, ...]


@lru_cache(maxsize=20_000)
def strands_of(literals: tuple[str, ...]) -> tuple[Strand, ...]:
    """
    Return where words of messages go on from pieces to literals or other pieces.

    Args:
        literals: Of a form.
    """
    found = []
    last = len(literals) - 1
    pieces: list[int] = []
    texts: list[str] = []
    for piece in range(last):
        if not pieces:
            texts = [_match(_LAST_WORD.search(literals[piece]))]
        pieces.append(piece)
        behind = literals[piece + 1]
        whole = _match(_WORD.match(behind))
        texts.append(whole)
        if whole == behind and piece + 1 < last:
            continue
        if any(texts) or len(pieces) > 1:
            found.append(Strand(tuple(pieces), tuple(texts)))
        pieces = []
    return tuple(found)


def _match(found: re.Match[str] | None) -> str:
    return found[0] if found else ""


@lru_cache(maxsize=20_000)
def _alone(literals: tuple[str, ...]) -> tuple[bool, ...]:
    """Tell of each piece whether its words are those of the message."""
    joined = {piece for strand in strands_of(literals) for piece in strand.pieces}
    return tuple(piece not in joined for piece in range(len(literals) - 1))


def filter_of(part: Part) -> bytes:
    """
    Make the filter of what stands in messages besides literals, and of the texts in other columns.

    Args:
        part: With all of its columns in memory.
    """
    hashes = _hash_text(_vocabulary(part))
    for name in part.names:
        column = part.column(name)
        if isinstance(column, TextColumn):
            values = column.distinct.values
            lines = "\n".join(values)
            if lines.count("\n") == len(values) - 1:
                hashes.append(bloom.hash_lines(name, lines.encode()))
            else:
                found = [bloom.hash_value(name, value) for value in values]
                hashes.append(np.array(found, np.uint64))
    return bloom.make(sorted_unique(np.concatenate(hashes)))


def _hash_text(text: str) -> list[bloom.Hashes]:
    """Return the hashes of a text's words, and of its runs of three letters."""
    if text.isascii():
        folded = text.lower().encode()
        return [bloom.hash_words(folded), bloom.hash_triples(folded)]
    words = set(tokens(text))
    return [
        np.fromiter(map(bloom.hash_word, words), np.uint64, len(words)),
        bloom.hash_triples(text.casefold().encode()),
    ]


def _vocabulary(part: Part) -> str:
    """Return lines that hold every word of a part's messages, but those that stand whole in literals."""
    head = part.head
    known = [_alone(form.literals) for form in head.forms]
    counts = np.repeat(head.form_counts, list(map(len, known)))
    alone = np.repeat(np.array([flag for flags in known for flag in flags], np.bool_), counts)
    used = np.zeros(len(part.texts), np.bool_)
    used[part.load("pieces")[alone]] = True
    lines = list(compress(part.texts.values, used.tolist()))
    for number, form in enumerate(head.forms):
        strands = strands_of(form.literals)
        if strands:
            pieces = part.pieces_of_form(number)
            for strand in strands:
                lines += _joined(part, [pieces[piece] for piece in strand.pieces], strand.literals)
    return "\n".join(lines)


def _joined(part: Part, columns: list[Codes], literals: tuple[str, ...]) -> Iterable[str]:
    """Return the different texts of a strand."""
    values = part.texts.values
    if len(columns) == 1:
        before, behind = literals
        return [f"{before}{values[code]}{behind}" for code in set(columns[0].tolist())]
    template = "%s".join(literal.replace("%", "%%") for literal in literals)
    different = set(zip(*(codes.tolist() for codes in columns), strict=True))
    return [template % tuple([values[code] for code in codes]) for codes in different]
