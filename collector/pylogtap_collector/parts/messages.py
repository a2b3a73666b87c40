"""Which messages of a part hold a word, a phrase or a string: found among the pieces, not by rendering."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.parts import bloom
from pylogtap_collector.parts.perform import PerForm
from pylogtap_collector.parts.rows import messages_of
from pylogtap_collector.parts.words import Outlook, edge_test, outlook, whole_words
from pylogtap_collector.query.fields import tokens
from pylogtap_collector.query.matcher import contains_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.parts.numbers import Codes, Ints, Mask
    from pylogtap_collector.parts.part import Head, Part

_NONE = np.empty(0, np.int64)


class Phrase:
    """A run of words, looked for in many parts."""

    def __init__(self, wanted: Sequence[str], *, prefix: bool = False) -> None:
        """
        Prepare a phrase.

        Args:
            wanted: Its words, case folded; at least one.
            prefix: The last one may be a beginning.
        """
        self.wanted = list(wanted)
        self.prefix = prefix
        self._known = [(bloom.hash_word(word), _with_word(word)) for word in self.certain]
        self._outlooks: dict[tuple[str, ...], Outlook] = {}
        self._every = PerForm(lambda form: self._outlook(form.literals).every)
        self._edged = PerForm(lambda form: bool(self._outlook(form.literals).edges))
        self._open = PerForm(lambda form: self._outlook(form.literals).open)

    def _outlook(self, literals: tuple[str, ...]) -> Outlook:
        found = self._outlooks.get(literals)
        if found is None:
            found = self._outlooks[literals] = outlook(literals, self.wanted, prefix=self.prefix)
        return found

    @property
    def certain(self) -> list[str]:
        """The words that a message has to have as they are."""
        return self.wanted[:-1] if self.prefix else self.wanted

    def forms(self, head: Head, words: bytes | None) -> Mask:
        """
        Tell which forms of a part may have the phrase, without looking at rows.

        Args:
            head: What is known of the part.
            words: Its filter; None: it has none.
        """
        return _possible_forms(self._known, head, words)

    def find(self, part: Part, among: Mask | None = None) -> tuple[Mask, Ints]:
        """
        Look for the phrase.

        Args:
            part: Where.
            among: Rows that matter; what is found of others may be wrong.

        Returns:
            For each form, whether all of its rows have it; and the rows of other forms that have it.
        """
        every = self._every.flags(part.head)
        possible = self.forms(part.head, part.words) & ~every
        if not possible.any():
            return every, _NONE
        sure, unsure = self._in_pieces(part, every)
        doubtful = [unsure, *self._at_edges(part, possible)]
        rows = np.setdiff1d(np.concatenate(doubtful), sure) if any(map(len, doubtful)) else _NONE
        if among is not None:
            rows = rows[among[rows]]
        if len(rows):
            verdicts = [
                contains_run(tokens(message), self.wanted, prefix=self.prefix)
                for message in messages_of(part, rows)
            ]
            sure = np.union1d(sure, rows[np.array(verdicts, np.bool_)])
        return every, sure

    def _in_pieces(self, part: Part, every: Mask) -> tuple[Ints, Ints]:
        """Return rows that have it in a piece for certain, and those that have to be looked at."""
        if part.words is not None and self._known and not bloom.may_hold(part.words, self._known[0][0]):
            return _NONE, _NONE
        if len(self.wanted) == 1 and not self.prefix:
            hits = part.texts.with_word(self.wanted[0])
            found = part.rows_with(hits.codes)
            closed = ~self._open.flags(part.head)
            known = every[part.form[found]]
            sure = closed[part.form[found]]
            return found[sure & ~known], found[~sure & ~known]
        words = self.certain
        if not words:  # the beginning of a word alone
            needle = self.wanted[0]
            codes = np.flatnonzero([needle in text.casefold() for text in part.texts.values])
            rows = part.rows_with(codes.astype(np.int32))
            return _NONE, rows[~every[part.form[rows]]]
        rows = part.rows_with(part.texts.with_word(words[0]).codes)
        return _NONE, rows[~every[part.form[rows]]]

    def _at_edges(self, part: Part, among: Mask) -> list[Ints]:
        """Return rows in which it may be put together of literals and pieces."""
        found = []
        for number in np.flatnonzero(self._edged.flags(part.head) & among).tolist():
            rows = part.rows_of_form(number)
            pieces = part.pieces_of_form(number)
            possible = np.zeros(len(rows), np.bool_)
            for edge in self._outlook(part.head.forms[number].literals).edges:
                if edge.side == "any":
                    possible[:] = True
                    break
                test, codes = edge_test(edge), pieces[edge.piece]
                possible |= _passing(part, codes, test)
            found.append(rows[possible])
        return found


def _passing(part: Part, codes: Codes, test: Callable[[str], bool]) -> Mask:
    distinct, places = np.unique(codes, return_inverse=True)
    passed = np.fromiter(map(test, part.texts.some(distinct.tolist())), np.bool_, len(distinct))
    return passed[places]


def _with_word(word: str) -> PerForm[bool]:
    return PerForm(lambda form: word in whole_words(form.literals))


def _with_triple(hashed: int) -> PerForm[bool]:
    return PerForm(lambda form: hashed in _triples(form.literals))


@lru_cache(maxsize=20_000)
def _triples(literals: tuple[str, ...]) -> frozenset[int]:
    return bloom.triples_of("\n".join(literals))


def _possible_forms(wanted: Sequence[tuple[int, PerForm[bool]]], head: Head, words: bytes | None) -> Mask:
    """Return the forms that have all that is wanted, in their literals or, by the filter, besides them."""
    flags = np.ones(len(head.forms), np.bool_)
    if words is not None:
        for hashed, in_literals in wanted:
            if not bloom.may_hold(words, hashed):
                flags &= in_literals.flags(head)
                if not flags.any():
                    break
    return flags


class Fragment:
    """A string, as it is written, looked for in many parts: within words, or over them."""

    def __init__(self, needle: str) -> None:
        """
        Prepare a string.

        Args:
            needle: Not empty.
        """
        self.needle = needle
        self._known = [(hashed, _with_triple(hashed)) for hashed in sorted(bloom.triples_of(needle))]
        self._every = PerForm(lambda form: any(needle in literal for literal in form.literals))
        self._spans = PerForm(lambda form: _may_span(form.literals, needle))

    def forms(self, head: Head, words: bytes | None) -> Mask:
        """Tell which forms of a part may have the string; see :meth:`Phrase.forms`."""
        return _possible_forms(self._known, head, words)

    def find(self, part: Part, among: Mask | None = None) -> tuple[Mask, Ints]:
        """Look for the string; see :meth:`Phrase.find`."""
        every = self._every.flags(part.head)
        possible = self.forms(part.head, part.words) & ~every
        if not possible.any():
            return every, _NONE
        sure = part.rows_with(part.texts.holding(self.needle)) if self._in_pieces(part.words) else _NONE
        sure = sure[~every[part.form[sure]]]
        doubtful = [
            part.rows_of_form(number)
            for number in np.flatnonzero(self._spans.flags(part.head) & possible).tolist()
        ]
        if doubtful:
            rows = np.setdiff1d(np.concatenate(doubtful), sure)
            if among is not None:
                rows = rows[among[rows]]
            verdicts = np.array([self.needle in message for message in messages_of(part, rows)], np.bool_)
            sure = np.union1d(sure, rows[verdicts])
        return every, sure

    def _in_pieces(self, words: bytes | None) -> bool:
        """Tell whether a piece may have the whole string, by the filter of a part."""
        return words is None or all(bloom.may_hold(words, hashed) for hashed, _ in self._known)


def _may_span(literals: Sequence[str], needle: str) -> bool:
    """Tell whether a string may begin or end in a literal and go on in a piece, or span several."""
    last = len(literals) - 1
    for number, literal in enumerate(literals):
        if not literal:
            if 0 < number < last:
                return True
            continue
        if 0 < number < last and literal in needle:
            return True
        ends = number < last and any(literal.endswith(needle[:size]) for size in range(1, len(needle)))
        begins = number > 0 and any(literal.startswith(needle[-size:]) for size in range(1, len(needle)))
        if ends or begins:
            return True
    return False
