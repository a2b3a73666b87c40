"""Which messages of a part hold a word, a phrase or a string: found among the pieces, not by rendering."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.parts import bloom
from pylogtap_collector.parts.perform import PerForm
from pylogtap_collector.parts.rows import messages_at
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
        self._key = tuple(wanted)
        self.prefix = prefix
        self._known = [(bloom.hash_word(word), _with_word(word)) for word in self.certain]
        self._every = PerForm(lambda form: self._outlook(form.literals).every)
        self._edged = PerForm(lambda form: bool(self._outlook(form.literals).edges))
        self._seen: tuple[Head | None, Mask] = None, np.empty(0, np.bool_)
        self._open = PerForm(lambda form: self._outlook(form.literals).open)

    def _outlook(self, literals: tuple[str, ...]) -> Outlook:
        return outlook(literals, self._key, prefix=self.prefix)

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
        if head is not self._seen[0]:  # before a part is looked at, it is asked whether this is worth it
            self._seen = head, _possible_forms(self._known, head, words)
        return self._seen[1]

    def find(self, part: Part, among: Mask | None = None) -> tuple[Mask, Ints]:
        """
        Look for the phrase.

        Args:
            part: Where.
            among: Rows that matter; what is found of others may be wrong.

        Returns:
            For each form, whether all of its rows have it; and the slots of the rows of other forms that
            have it, growing, see :meth:`Part.rows_at`.
        """
        every = self._every.flags(part.head)
        possible = self.forms(part.head, part.words) & ~every
        if not possible.any():
            return every, _NONE
        sure, unsure = self._in_pieces(part, every)
        doubtful = [unsure, *self._at_edges(part, possible)]
        return every, _settled(
            part,
            sure,
            doubtful,
            among,
            lambda message: contains_run(tokens(message), self.wanted, prefix=self.prefix),
        )

    def _in_pieces(self, part: Part, every: Mask) -> tuple[Ints, Ints]:
        """Return slots that have it in a piece for certain, and those that have to be looked at."""
        if part.words is not None and self._known and not bloom.may_hold(part.words, self._known[0][0]):
            return _NONE, _NONE
        if self.certain:
            codes = part.texts.with_word(self.certain[0]).codes
        else:  # the beginning of a word alone
            needle = self.wanted[0]
            codes = np.flatnonzero([needle in text.casefold() for text in part.texts.values]).astype(np.int32)
        found = part.slots_with(codes)
        forms = part.forms_at(found)
        found, forms = found[~every[forms]], forms[~every[forms]]
        if len(self.wanted) > 1 or self.prefix:
            return _NONE, found
        closed = ~self._open.flags(part.head)[forms]
        return found[closed], found[~closed]

    def _at_edges(self, part: Part, among: Mask) -> list[Ints]:
        """Return slots of rows in which it may be put together of literals and pieces."""
        found = []
        for number in np.flatnonzero(self._edged.flags(part.head) & among).tolist():
            slots = part.slots_of_form(number)
            pieces = part.pieces_of_form(number)
            possible = np.zeros(len(slots), np.bool_)
            for edge in self._outlook(part.head.forms[number].literals).edges:
                if edge.side == "any":
                    possible[:] = True
                    break
                test, codes = edge_test(edge), pieces[edge.piece]
                possible |= _passing(part, codes, test)
            found.append(slots[possible])
        return found


def _settled(
    part: Part,
    sure: Ints,
    doubtful: Sequence[Ints],
    among: Mask | None,
    test: Callable[[str], bool],
) -> Ints:
    """Look at the messages at doubtful slots; return all slots that have what is looked for."""
    if not any(map(len, doubtful)):
        return sure
    slots = np.setdiff1d(np.concatenate(doubtful), sure)
    if among is not None:
        slots = slots[among[part.rows_at(slots)]]
    verdicts = np.fromiter(map(test, messages_at(part, slots)), np.bool_, len(slots))
    return np.union1d(sure, slots[verdicts])


def _passing(part: Part, codes: Codes, test: Callable[[str], bool]) -> Mask:
    passed = np.zeros(len(part.texts), np.bool_)
    passed[codes] = True
    distinct = np.flatnonzero(passed).tolist()
    passed[distinct] = np.fromiter(map(test, part.texts.some(distinct)), np.bool_, len(distinct))
    return passed[codes]


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
        sure = part.slots_with(part.texts.holding(self.needle)) if self._in_pieces(part.words) else _NONE
        sure = sure[~every[part.forms_at(sure)]]
        doubtful = [
            part.slots_of_form(number)
            for number in np.flatnonzero(self._spans.flags(part.head) & possible).tolist()
        ]
        return every, _settled(part, sure, doubtful, among, lambda message: self.needle in message)

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
        ends = number < last and literal[-1] in needle and _overlap(literal, needle, len(needle) - 1)
        begins = number > 0 and literal[0] in needle and _overlap(needle, literal, len(needle) - 1)
        if ends or begins:
            return True
    return False


def _overlap(first: str, second: str, most: int) -> bool:
    """Tell whether a text ends with the beginning of another, of so many characters at most."""
    return any(first.endswith(second[:size]) for size in range(1, min(len(first), len(second), most) + 1))
