"""
The pattern of a message: what varies replaced by `<*>`.

Programs that log with templates need none of this; it is for text that arrives finished: f-strings, and lines
of foreign programs. Every step is linear in the length of the text, whatever the text is.
"""

from __future__ import annotations

import re
from itertools import repeat

WILDCARD = "<*>"
MAX_TEXT = 4_000  # characters; what stands behind hardly ever tells messages apart
_MAX_KNOWN = 50_000  # words
_MAX_WORD = 80  # characters of a word that is remembered
# One shape for all numbers of a length: a word is looked at once, however many numbers it comes with.
_SHAPE = {ord(digit): "0" for digit in "123456789"}
_PLAIN = re.compile(r"[A-Za-z_.,;:!?()\[\]{}'\"*#|<>-]*")  # nothing in here marks a value
_STEPS = tuple(
    (mark, re.compile(regex), replacement)
    for mark, regex, replacement in (
        ("://", r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>()\[\]{},;]+", WILDCARD),
        ("@", r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", WILDCARD),
        ("=", r"(?<=[\w)\]])=[^\s=<>,;&(){}\[\]\"'][^\s,;&(){}\[\]\"']*", f"={WILDCARD}"),
        ("/", r"(?<![\w.~*>])(?:[A-Za-z]:|~|\.{1,2})?/[\w.+@%~#$*:-][^\s\"'<>,;()\[\]{}|=]*", WILDCARD),
        ("\\", r"(?<![\w.])(?:[A-Za-z]:)?\\[\w.+@%~$-][^\s\"'<>,;()\[\]{}|=]*", WILDCARD),
    )
)
_HEX = "[0-9a-fA-F]"
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9])(?:{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"  # UUID
    rf"|0[xX]{_HEX}+|(?=[a-fA-F]*[0-9]){_HEX}{{6,}})(?![A-Za-z0-9])"
    r"|(?:(?<![A-Za-z0-9.)\]-])[-+])?[0-9]+(?:[.,:][0-9]+)*"
    r"(?:(?:[kKmMgGtTpP]i?[bB]|[nuµm]?s|sec|min|[hd%])(?![A-Za-z0-9]))?"
)
_RUN = re.compile(r"<\*>(?:[-.,:_/T+]{0,2}<\*>)+")

_known: dict[str, str | None] = {}  # by shape: the masked word, or None where it must be looked at as it is


def mask(text: str) -> str:
    """
    Return the pattern of a message.

    Numbers, times, sizes, identifiers, addresses, paths and the values of `key=value` become `<*>`, so that
    messages of one origin have one pattern.

    Args:
        text: The message; the pattern is that of its first 4,000 characters.
    """
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT]
    words = text.split(" ")
    shapes = text.translate(_SHAPE).split(" ")
    try:
        return " ".join(map(_known.__getitem__, shapes))  # type: ignore[arg-type]  # None raises as well
    except (KeyError, TypeError):
        return " ".join(map(_mask_word, words, shapes, repeat(_known)))


def _mask_word(word: str, shape: str, known: dict[str, str | None]) -> str:
    try:
        masked = known[shape]
    except KeyError:
        masked = _masked(shape)
        if "0" in masked:  # a digit that stays is not the same in all words of this shape
            masked = None
        if len(shape) <= _MAX_WORD:
            if len(known) >= _MAX_KNOWN:
                known.clear()
            known[shape] = masked
    return _masked(word) if masked is None else masked


def _masked(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    for mark, regex, replacement in _STEPS:
        if mark in word:
            word = regex.sub(replacement, word)
    return _RUN.sub(WILDCARD, _NUMBER.sub(WILDCARD, word))
