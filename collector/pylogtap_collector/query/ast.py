"""What a query means, as data. Every node says with `str` how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["=", ">", ">=", "<", "<="]


@dataclass(frozen=True, slots=True)
class Everything:
    """Matches every record: the empty query."""

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Text:
    """
    Words of the message.

    Attributes:
        words: The text whose words are looked for, one behind the other.
        prefix: Whether the last one need only be the beginning of a word.
    """

    words: str
    prefix: bool = False

    def __str__(self) -> str:
        return quoted(self.words) + ("*" if self.prefix else "")


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against a value."""

    field: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        return f"{self.field}:{'' if self.operator == '=' else self.operator}{quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Range:
    """A field between two values, both included."""

    field: str
    low: str
    high: str

    def __str__(self) -> str:
        return f"{self.field}:{quoted(self.low)}..{quoted(self.high)}"


@dataclass(frozen=True, slots=True)
class StartsWith:
    """A field that begins with a text."""

    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}:{quoted(self.text)}*"


@dataclass(frozen=True, slots=True)
class Matches:
    """A field in which a regular expression is found."""

    field: str
    pattern: str

    def __str__(self) -> str:
        return f"{self.field}:/{self.pattern}/"


@dataclass(frozen=True, slots=True)
class Has:
    """A record that has a field."""

    field: str

    def __str__(self) -> str:
        return f"has:{quoted(self.field)}"


@dataclass(frozen=True, slots=True)
class Not:
    """What does not match."""

    item: Node

    def __str__(self) -> str:
        return f"NOT {grouped(self.item)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(grouped(item) for item in self.items)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(grouped(item) for item in self.items)


Leaf = Text | Compare | Range | StartsWith | Matches | Has
Node = Everything | Leaf | Not | And | Or


def quoted(text: str) -> str:
    """Return a value in quotes, whatever it holds."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def grouped(node: Node) -> str:
    """Return a node as a part of another one."""
    return f"({node})" if isinstance(node, (And, Or, Not)) else str(node)
