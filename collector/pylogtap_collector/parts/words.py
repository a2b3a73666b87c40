"""
What the literals of a form tell of a word, before any message is looked at.

A literal's word that touches a piece is part of a longer one, unless the piece begins or ends with something
that no word has: such *edges* are what has to be looked at message by message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from pylogtap_collector.query.matcher import contains_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.parts.faces import Form

_WORD = re.compile(r"\w+")


class Edge(NamedTuple):
    """
    A way in which a word may be put together of a literal and a piece.

    Attributes:
        piece: The piece.
        side: Which end of the piece takes part; `any`: nothing is known.
        rest: What the piece has to begin or end with.
    """

    piece: int
    side: Literal["begins", "ends", "any"]
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


def outlook(form: Form, wanted: Sequence[str], *, prefix: bool) -> Outlook:
    """
    Tell what a form's literals say of a phrase.

    Args:
        form: The form.
        wanted: The words of the phrase, case folded.
        prefix: The last one may be a beginning.
    """
    literals = [literal.casefold() for literal in form.literals]
    last = len(literals) - 1
    closed = [
        _closed(literal, first=not number, last=number == last, prefix=prefix)
        for number, literal in enumerate(literals)
    ]
    if any(contains_run(words, list(wanted), prefix=prefix) for words in closed):
        return Outlook(every=True, edges=(), open=False)
    is_open = any(_is_open(literals, piece) for piece in range(last))
    if len(wanted) == 1 and not prefix:
        return Outlook(every=False, edges=tuple(_edges(literals, wanted[0])), open=is_open)
    # Candidates are found by single words: all messages are looked at where a literal may have one of them.
    possible = is_open or (
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


def _edges(literals: Sequence[str], word: str) -> list[Edge]:
    """Return the ways in which a word can be put together over the ends of literals."""
    edges: list[Edge] = []
    last = len(literals) - 1
    for number, literal in enumerate(literals):
        if not literal:
            if 0 < number < last:  # two pieces side by side
                edges += [Edge(number - 1, "any", ""), Edge(number, "any", "")]
            continue
        for found in _WORD.finditer(literal):
            run = found[0]
            left, right = found.start() == 0 and number > 0, found.end() == len(literal) and number < last
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
    return lambda _: True
