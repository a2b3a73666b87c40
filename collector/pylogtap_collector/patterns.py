"""
The pattern of a message: what varies replaced by `<*>`.

Programs that log with templates need none of this; it is for text that arrives finished: f-strings, and lines
of foreign programs. Every step is linear in the length of the text, whatever the text is. The rules are about
forms that values have everywhere (numbers, identifiers, addresses, paths, `key=value`), none about a system.
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

# Within a word, in this order. The mark stands in every match: looking for it is cheaper than the expression.
_HEX = "[0-9a-fA-F]"
_END = r"(?<![.,:;!?])"  # punctuation behind a value is not part of it
_STOP = r"\s\"'<>,;()\[\]{}|="
_ZONES = "com|org|net|edu|gov|local|internal|localdomain"
# None that is a word: names of classes and settings end in such.
_COUNTRIES = (
    "ar|at|au|br|ca|ch|cl|cn|cz|de|dk|es|eu|fi|fr|hk|hu|jp|kr|mx|nl|nz|pl|pt|ro|ru|se|sg|tr|tw|ua|uk|za"
)
_HOST = (  # names of Java's packages begin where these end
    r"(?<![\w.-])(?!(?:com|org|net|edu|io|javax?)\.)[\w-]+"
    rf"(?:(?:\.[\w-]+)*\.(?:{_ZONES})|(?:\.[\w-]+)+\.(?:{_COUNTRIES}))(?![\w-]|\.\w)"
)
_FORMS = tuple(
    (mark, re.compile(regex), replacement)
    for mark, regex, replacement in (
        ("://", rf"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^{_STOP}][^\s\"'<>,;]*{_END}", WILDCARD),
        ("@", r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*", WILDCARD),
        ("=", rf"(?<=[\w)\]])=[^\s=<>,;&(){{}}\[\]\"'][^\s,;&(){{}}\[\]\"']*{_END}", f"={WILDCARD}"),
        ("/", rf"(?<![\w.~*>-])(?:[A-Za-z]:|~|\.{{1,2}})?/[\w.+@%~$*:-][^{_STOP}]*{_END}", WILDCARD),
        ("/", rf"(?<![\w.+%~-])[\w.+%~-]+/[\w.+%~-]+/[^{_STOP}]*{_END}", WILDCARD),
        ("\\", rf"(?<![\w.])(?:[A-Za-z]:)?\\[\w.+@%~$-][^{_STOP}]*{_END}", WILDCARD),
        # host:port, file:line
        (":", r"(?<![\w.-])[\w-]+(?:\.[\w-]+)+:[0-9]+(?![\w.])", WILDCARD),
        (".", _HOST, WILDCARD),
    )
)
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9])(?:{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"  # UUID
    rf"|{_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5,}}"  # MAC address
    rf"|(?=[a-fA-F:]{{0,35}}[0-9])(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}}"  # IPv6 address, time of day
    rf"|0[xX]{_HEX}+|(?=[a-fA-F]*[0-9]){_HEX}{{6,}})(?![A-Za-z0-9])"
    # node12, log4j: what is said stays; 3f9, 17ms, J12, kX7Qp2: it is all value
    r"|(?<![A-Za-z0-9])(?P<name>[A-Za-z]{2,})[0-9]+(?P<rest>(?<![0-9]{3})[A-Za-z]+)?(?![A-Za-z0-9])"
    r"|(?:(?<![A-Za-z0-9.)\]-])[-+])?(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])[A-Za-z0-9]+%?"
)
_RUN = re.compile(r"<\*>(?:[-.,:_/+~]{0,2}<\*>|[-_.][A-Za-z]{1,2}[-_.]<\*>)+")
_PLAIN = re.compile(r"[A-Za-z_,;!?()\[\]{}'\"*#|<>-]*[.:]?")  # has no value in it
_EMPTY = {"()": f"({WILDCARD})", "[]": f"[{WILDCARD}]"}  # no value is a value as well
# A conversion of `%`, as Python reads it (printf-style String Formatting).
_CONVERSION = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?[#0\- +]*(?P<width>\*|[0-9]*)(?:\.(?P<precision>\*|[0-9]*))?"
    r"[hlL]?(?P<kind>.)?",
    re.DOTALL,
)
_MOST_FILLING = 1_000  # characters that all conversions of a template may fill up to
_MOST_SAME = 16  # conversions of a template that may have the same key
_LIST_BEGINS, _LIST = f"[{WILDCARD}, ", re.compile(r"\[<\*>(?:, <\*>)+\]")

# Across words. A word that such a value may begin with is marked by a character that no word can have, as it
# is space itself; so messages are searched only where something can be found.
_DATE, _SIZE, _USER, _FOR = "\x1c\x1d\x1e\x1f"
_MARKS = (
    dict.fromkeys(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], _DATE)
    | dict.fromkeys(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], _DATE)
    | dict.fromkeys(["B", "kB", "KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"], _SIZE)
    | {"user": _USER, "User": _USER, "for": _FOR}
)
_NO_NAMES = "unknown|not|is|was|has|name|id|agent|with|from|by|in|on|for|to|and|or|of|the|does|can|must"
_DATED = (
    rf"(?:<\*> {_DATE}|{_DATE})[A-Z][a-z]+,?(?: (?:<\*> )?{_DATE}[A-Z][a-z]+)?"
    r"(?: <\*>)+(?: [A-Z]{3,4} <\*>)?"
)
_SPANS = tuple(
    (mark, re.compile(regex), replacement)
    for mark, regex, replacement in (
        (_DATE, _DATED, WILDCARD),
        (_SIZE, rf"<\*> {_SIZE}[A-Za-z]+", WILDCARD),
        (
            _USER,
            rf"{_USER}([Uu]ser) {_USER}?(?!(?:{_NO_NAMES})\b)[^\s:;,()=]+(?![^\s\])])",
            rf"\1 {WILDCARD}",
        ),
        (_FOR, rf"{_FOR}for [a-z][a-z_-]* (?=from )", f"for {WILDCARD} "),
    )
)
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # and other controls of a terminal (ECMA-48, 5.4)
_QUOTED = re.compile(r'"((?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) )?[^"]+"(:)?')
_APOSTROPHES = re.compile(r"(?<![^\s=:(\[{,])'[^']+'(?![^\s.,;)\]}!?])")

_known: dict[str, str | None] = {}  # by shape: the masked word, or None where it must be looked at as it is


def is_bounded(template: str) -> bool:
    """
    Tell whether a message is not much longer than its template and its values together.

    Args:
        template: For `%`. A width makes a message long that has no long value, and so does a key that comes
            over and over.
    """
    filling, keys = 0, dict[str, int]()
    for found in _CONVERSION.finditer(template):
        if found["kind"] == "(":  # a key with brackets in it, or without an end
            return False
        for number in (found["width"], found["precision"]):
            if number == "*" or len(number or "") > 4:
                return False
            filling += int(number or 0)
        if (key := found["key"]) is not None:
            keys[key] = keys.get(key, 0) + 1
    return filling <= _MOST_FILLING and max(keys.values(), default=0) <= _MOST_SAME


def mask(text: str) -> str:
    """
    Return the pattern of a message.

    Numbers, times, sizes, identifiers, addresses, paths, quoted texts and the values of `key=value` become
    `<*>`, so that messages of one origin have one pattern. Space of any kind becomes one blank; the
    colours of a terminal are left out.

    Args:
        text: The message; the pattern is that of its first 4,000 characters.
    """
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT]
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if '"' in text:
        text = _QUOTED.sub(_mask_quoted, text)
    if "'" in text:
        text = _APOSTROPHES.sub(f"'{WILDCARD}'", text)
    shapes = text.translate(_SHAPE).split()
    try:
        words: list[str] = list(map(_known.__getitem__, shapes))  # type: ignore[arg-type]  # None: see below
        pattern = " ".join(words)
    except (KeyError, TypeError):  # a new word, or one that is not remembered
        words = list(map(_mask_word, text.split(), shapes, repeat(_known)))
        pattern = " ".join(words)
    if len(set(words)) < len(words) - 2:
        pattern = _fold(words)
    if _LIST_BEGINS in pattern:
        pattern = _LIST.sub(f"[{WILDCARD}]", pattern)
    for mark, regex, replacement in _SPANS:
        if mark in pattern:
            pattern = regex.sub(replacement, pattern).replace(mark, "")
    return pattern


def _mask_quoted(match: re.Match[str]) -> str:
    """Mask what stands between quotes, except the names in JSON objects and the methods of HTTP."""
    method, colon = match.groups()
    return match.group() if colon else f'"{method or ""}{WILDCARD}"'


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
        word = _EMPTY.get(word, word)
        return _MARKS.get(word.rstrip(",.:;)"), "") + word
    for mark, regex, replacement in _FORMS:
        if mark in word:
            word = regex.sub(replacement, word)
    return _RUN.sub(WILDCARD, _NUMBER.sub(_mask_number, word))


def _mask_number(match: re.Match[str]) -> str:
    name, rest = match.groups()
    return f"{name or ''}{WILDCARD}{rest or ''}"


def _fold(words: list[str]) -> str:
    """Join words; a run of one and the same value, as lists have, is one."""
    folded = [
        word
        for word, before in zip(words, ["", *words], strict=False)
        if word != before or WILDCARD not in word
    ]
    return " ".join(folded)
