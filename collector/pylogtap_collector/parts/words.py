"""
What the literals of a form tell of a word, before any message is looked at.

A literal's word that touches a piece is part of a longer one, unless the piece begins or ends with something
that no word has: such *edges* are what has to be looked at message by message.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from pylogtap_collector.query.matcher import contains_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_WORD = re.compile(r"\w+")


class Edge(NamedTuple):
    """
    A way in which a word may be put together of a literal and a piece.

    Attributes:
        piece: The piece.
        side: Which end of the piece takes part; `any`: nothing is known.
        rest: What the piece has to begin or end with; for `begun`, the word of which it has to end with a
            beginning.
    """

    piece: int
    side: Literal["begins", "ends", "begun", "any"]
    rest: str


class Outlook(NamedTuple):
    """
    What is known of a phrase in the messages of a form.

    Attributes:
        every: It stands in every message.
        edges: Where else than within a piece it may stand.
        open: A word at an end of a piece may go on in a literal or in another piece.
    """

    every: bool
    edges: tuple[Edge, ...]
    open: bool


_EVERY = Outlook(every=True, edges=(), open=False)


class _Ends(NamedTuple):
    """
    What can be said of the literals of a form before a word is known.

    Attributes:
        literals: Case folded.
        words: Those that no piece can make longer.
        touching: Words at the ends of literals: literal, word, whether a piece stands before and behind it.
        adjoining: Pieces behind which another one follows at once.
        open: A word at an end of a piece may go on in a literal or in another piece.
    """

    literals: tuple[str, ...]
    words: frozenset[str]
    touching: tuple[tuple[int, str, bool, bool], ...]
    adjoining: tuple[int, ...]
    open: bool


@lru_cache(maxsize=20_000)
def _ends(literals: tuple[str, ...]) -> _Ends:
    literals = tuple(literal.casefold() for literal in literals)
    last = len(literals) - 1
    words: list[str] = []
    touching: list[tuple[int, str, bool, bool]] = []
    adjoining: list[int] = []
    for number, literal in enumerate(literals):
        if not literal and 0 < number < last:
            adjoining.append(number - 1)
        for found in _WORD.finditer(literal):
            left, right = found.start() == 0 and number > 0, found.end() == len(literal) and number < last
            if left or right:
                touching.append((number, found[0], left, right))
            else:
                words.append(found[0])
    is_open = any(_is_open(literals, piece) for piece in range(last))
    return _Ends(literals, frozenset(words), tuple(touching), tuple(adjoining), is_open)


def whole_words(literals: tuple[str, ...]) -> frozenset[str]:
    """Return the words of literals that no piece can make longer, case folded."""
    return _ends(literals).words


@lru_cache(maxsize=8_000)
def outlook(literals: tuple[str, ...], wanted: tuple[str, ...], *, prefix: bool) -> Outlook:
    """
    Tell what a form's literals say of a phrase.

    Args:
        literals: Of the form.
        wanted: The words of the phrase, case folded.
        prefix: The last one may be a beginning.
    """
    ends = _ends(literals)
    if len(wanted) == 1 and not prefix:
        if wanted[0] in ends.words:
            return _EVERY
        return Outlook(every=False, edges=tuple(_edges(ends, wanted[0])), open=ends.open)
    last = len(literals) - 1
    closed = [
        _closed(literal, first=not number, last=number == last, prefix=prefix)
        for number, literal in enumerate(ends.literals)
    ]
    if any(contains_run(words, list(wanted), prefix=prefix) for words in closed):
        return _EVERY
    # Candidates are found by single words: all messages are looked at where a literal may have one of them.
    possible = ends.open or (
        len(wanted) > 1
        and any(
            word in words or (prefix and any(known.startswith(wanted[-1]) for known in words))
            for words in closed
            for word in wanted
        )
    )
    edges = tuple(Edge(piece, "any", "") for piece in range(last)) if possible else ()
    return Outlook(every=False, edges=edges, open=True)


def _closed(literal: str, *, first: bool, last: bool, prefix: bool) -> list[str]:
    """
    Return the words of a literal that cannot go on in a piece; a gap where one can.

    Where a beginning of a word is looked for, a word that only goes on behind the literal is one, too.
    """
    words = []
    for found in _WORD.finditer(literal):
        left = found.start() == 0 and not first
        right = found.end() == len(literal) and not last
        words.append("" if left or (right and not prefix) else found[0])  # no wanted word is empty
    return words


def _is_open(literals: Sequence[str], piece: int) -> bool:
    before, behind = literals[piece], literals[piece + 1]
    left = bool(_WORD.fullmatch(before[-1])) if before else piece > 0
    right = bool(_WORD.fullmatch(behind[0])) if behind else piece + 2 < len(literals)
    return left or right


def _edges(ends: _Ends, word: str) -> list[Edge]:
    """Return the ways in which a word can be put together over the ends of literals."""
    edges = [Edge(piece, "begun", word) for piece in ends.adjoining]
    for number, run, left, right in ends.touching:
        if left and right:
            if run in word:
                edges += [Edge(number - 1, "any", ""), Edge(number, "any", "")]
        elif right and word.startswith(run):
            edges.append(Edge(number, "begins", word[len(run) :]))
        elif left and word.endswith(run):
            edges.append(Edge(number - 1, "ends", word[: -len(run)]))
    return edges


def edge_test(edge: Edge) -> Callable[[str], bool]:
    """
    Return a function that tells whether a text may be the piece of an edge.

    Args:
        edge: The edge.
    """
    rest = edge.rest
    if edge.side == "begins":
        if not rest:
            return lambda text: not text or not _WORD.match(text.casefold()[:1])
        return lambda text: text.casefold().startswith(rest) or rest.startswith(text.casefold())
    if edge.side == "ends":
        if not rest:
            return lambda text: not text or not _WORD.match(text.casefold()[-1:])
        return lambda text: text.casefold().endswith(rest) or rest.endswith(text.casefold())
    if edge.side == "begun":
        beginnings = tuple(rest[:size] for size in range(1, len(rest)))
        return lambda text: text.casefold().endswith(beginnings)
    return lambda _: True
