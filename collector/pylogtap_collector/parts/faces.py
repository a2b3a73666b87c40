"""
What records of one call site have in common, and how their messages are put together.

A message is kept as the pieces that vary between literals that do not: rendered once, by the conversion that
the program wrote, so that nothing has to be rendered to be searched.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_BETWEEN = "\0"
_CONVERSION = re.compile(
    r"%(?:(?P<percent>%)|(?:\((?P<key>[^()]*)\))?"
    r"(?P<flags>[#0\- +]*)(?P<width>\d{0,4})(?:\.(?P<precision>\d{0,4}))?[hlL]?(?P<kind>[diouxXeEfFgGcrsa]))"
)


class Source(NamedTuple):
    """Where records come from: a place, and the process in it."""

    project: str
    service: str
    instance: str
    pid: int | None


class Form(NamedTuple):
    """
    What records of one call site have in common.

    Attributes:
        level: The source's word for it, in lower case.
        severity: OpenTelemetry, 1 to 24; 0 is unknown.
        logger: Name of the logger.
        template: The message before its values were put in; None where the text varies.
        pattern: What messages of one origin have in common.
        file: Source file.
        line: Line in it.
        function: Function.
        literals: What stands before, between and behind the pieces of a message.
    """

    level: str
    severity: int
    logger: str
    template: str | None
    pattern: str
    file: str | None
    line: int | None
    function: str | None
    literals: tuple[str, ...]

    @property
    def pieces(self) -> int:
        """How many pieces a message has."""
        return len(self.literals) - 1

    @property
    def pattern_id(self) -> int:
        """Number of the pattern."""
        return number_pattern(self.pattern)


def class_of(severity: int) -> int:
    """
    Return the class of a severity, from 0, unknown, to 6, critical: OpenTelemetry gives each four numbers.

    Args:
        severity: 0 to 24.
    """
    return (severity + 3) // 4


@lru_cache(maxsize=20_000)
def number_pattern(pattern: str) -> int:
    """
    Return the number of a pattern: the same one in every collector, and one that JavaScript can hold.

    Args:
        pattern: The pattern.
    """
    digest = hashlib.blake2b(pattern.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 11  # 53 bits are left


class Layout(NamedTuple):
    """
    How a template for `%` makes a message.

    Attributes:
        literals: What stands before, between and behind its conversions.
        conversions: Each as it is written, without a key.
        keys: The key of each, where the template takes a mapping; else empty.
        written: All conversions in one, with a zero character between; empty where all are `%s`.
    """

    literals: tuple[str, ...]
    conversions: tuple[str, ...]
    keys: tuple[str, ...]
    written: str


@lru_cache(maxsize=4096)
def layout_of(template: str) -> Layout | None:
    """
    Take a template apart. See https://docs.python.org/3/library/stdtypes.html#old-string-formatting.

    Args:
        template: For `%`.

    Returns:
        None where it cannot be taken apart: widths given by arguments or beyond reason, keys for some
        conversions only, or a mark that begins no conversion.
    """
    literals: list[str] = []
    conversions: list[str] = []
    keys: list[str] = []
    literal, position = "", 0
    for found in _CONVERSION.finditer(template):
        between = template[position : found.start()]
        if "%" in between:
            return None
        literal += between
        position = found.end()
        if found["percent"]:
            literal += "%"
            continue
        literals.append(literal)
        literal = ""
        key = found["key"]
        if key is not None:
            keys.append(key)
        conversions.append(found[0] if key is None else "%" + found[0][found[0].index(")") + 1 :])
    rest = template[position:]
    if "%" in rest or (keys and len(keys) != len(conversions)):
        return None
    literals.append(literal + rest)
    plain = all(written == "%s" for written in conversions)
    written = "" if plain else _BETWEEN.join(conversions)
    return Layout(tuple(literals), tuple(conversions), tuple(keys), written)


def write_pieces(layout: Layout, args: Sequence[Any]) -> list[str] | None:
    """
    Return what conversions make of arguments.

    Args:
        layout: Of the template.
        args: As many as it takes.

    Returns:
        None where one of them cannot be converted, or what it becomes cannot be told from the others.
    """
    try:
        text = layout.written % tuple(args)
        text.encode()
    except (TypeError, ValueError, OverflowError, RecursionError):  # UnicodeEncodeError among them
        return None
    pieces = text.split(_BETWEEN)
    return pieces if len(pieces) == len(layout.conversions) else None
