"""
Turn any Python value into one that can travel, in bounded time and space, without ever raising.

Only what msgpack carries exactly travels as it is. Common types take their natural text or structure;
everything else becomes a representation, and the caller is told that the value did not arrive as it was.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import os
import uuid
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from pylogtap.redact import REDACTED, Redactor

PLAIN = frozenset(
    {str, int, float, bool, type(None)}
)  # types that travel exactly, when small and well-formed
MAX_TEXT = 64 << 10  # characters of one string
MAX_TEMPLATE = 4 << 10  # characters; a longer message is a text of its own, not one of a kind
MAX_DEPTH = 24  # levels of nesting
MAX_ITEMS = 1_000  # of one container
MAX_NODES = 10_000  # values of one record
MAX_REPRESENTATION = 2_000  # characters
_INT_LIMIT = 1 << 63
_NATURAL_TEXT = (dt.date, dt.time)  # datetime is a date
_PLAIN_STR = (decimal.Decimal, fractions.Fraction, uuid.UUID, os.PathLike, dt.timedelta)


class Degrader:
    """
    One record's worth of conversion.

    Attributes:
        degraded: Whether anything was lost on the way.
        redacted: Whether a secret was left out.
    """

    __slots__ = ("_nodes", "_open", "_redactor", "degraded", "redacted")

    def __init__(self, redactor: Redactor) -> None:
        """
        Begin a record.

        Args:
            redactor: Judges the keys of mappings.
        """
        self._redactor = redactor
        self._nodes = 0
        self._open: set[int] = set()  # ids of the containers being converted: finds cycles
        self.degraded = self.redacted = False

    def convert(self, value: Any, depth: int = 0) -> Any:
        """Return something that msgpack carries, as like the value as can be."""
        try:
            return self._convert(value, depth)
        except Exception as error:  # noqa: BLE001 - user code runs in here and may raise anything
            self.degraded = True
            return f"<{_type_name(value)}: {type(error).__name__} while logging it>"

    def _convert(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if kind is str:
            return self.text(value)
        if kind is int:
            return value if -_INT_LIMIT <= value < _INT_LIMIT else self._large_int(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(value)
        if isinstance(value, (str, int, float)):  # subclasses, enumerations among them: their plain value
            return self._convert(_plain(value), depth)
        if isinstance(value, enum.Enum):
            return self.text(str(value))
        if isinstance(value, _NATURAL_TEXT):
            return value.isoformat()
        if isinstance(value, _PLAIN_STR):
            return self.text(str(value))
        return self._structure(value, depth)

    def text(self, value: str) -> str:
        """Return text that UTF-8 can carry, of bounded length."""
        if len(value) > MAX_TEXT:
            self.degraded = True
            value = f"{value[:MAX_TEXT]}… [{len(value)} characters]"
        try:
            value.encode()
        except UnicodeEncodeError:
            self.degraded = True
            return value.encode("utf-8", "backslashreplace").decode()
        return value

    def represent(self, value: Any) -> str:
        """Return a bounded ``repr``, also of what raises in it."""
        try:
            text = repr(value)
        except Exception as error:  # noqa: BLE001 - any __repr__ may raise anything
            self.degraded = True
            return f"<{_type_name(value)}: repr raised {type(error).__name__}>"
        if len(text) > MAX_REPRESENTATION:
            text = f"{text[:MAX_REPRESENTATION]}… [{len(text)} characters]"
        return self.text(text)

    def represent_argument(self, name: str, value: Any) -> str:
        """Return a bounded ``repr`` of a named value, unless the name says that it is a secret."""
        if self._redactor.is_secret(name):
            return REDACTED
        if isinstance(value, (Mapping, list, tuple)):  # may hold secrets under keys of their own
            value = self.convert(value)
        return self.represent(value)

    def _large_int(self, value: int) -> str:
        self.degraded = True
        if value.bit_length() > 4_000:  # Python itself refuses to print more than 4,300 digits
            return f"<int of {value.bit_length()} bits>"
        return str(value)

    def _bytes(self, value: bytes | bytearray | memoryview) -> bytes:
        size = value.nbytes if isinstance(value, memoryview) else len(value)
        if size > MAX_TEXT:
            self.degraded = True
            return bytes(memoryview(value).cast("B")[:MAX_TEXT])
        return bytes(value)

    def _structure(self, value: Any, depth: int) -> Any:
        items = _members(value)
        if items is None:
            self.degraded = True
            return self.represent(value)
        if depth >= MAX_DEPTH or id(value) in self._open:
            self.degraded = True
            return "<deeper>" if depth >= MAX_DEPTH else "<cycle>"
        self._open.add(id(value))
        try:
            return self._mapping(items, depth) if isinstance(items, Mapping) else self._sequence(items, depth)
        finally:
            self._open.discard(id(value))

    def _mapping(self, items: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in items.items():
            if not self._room(len(result)):
                result["…"] = f"{len(items)} items in all"
                break
            name = self.text(key) if type(key) is str else self.text(str(key))
            if self._redactor.is_secret(name):
                self.redacted = True
                result[name] = REDACTED
            else:
                result[name] = self.convert(item, depth + 1)
        return result

    def _sequence(self, items: Any, depth: int) -> list[Any]:
        result: list[Any] = []
        for item in items:
            if not self._room(len(result)):
                result.append("…")
                break
            result.append(self.convert(item, depth + 1))
        return result

    def _room(self, length: int) -> bool:
        self._nodes += 1
        if length < MAX_ITEMS and self._nodes < MAX_NODES:
            return True
        self.degraded = True
        return False


def well_formed(text: str) -> str:
    """Return text that UTF-8 can carry, of bounded length; mostly the same."""
    return text if is_exact(text) else Degrader(Redactor()).text(text)


def is_exact(value: Any) -> bool:
    """Tell whether msgpack carries a value exactly: plain, no lone surrogate, at most 64 bits, no giant."""
    kind = type(value)
    if kind is str:
        if len(value) > MAX_TEXT:
            return False
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
        return True
    if kind is int:
        return bool(-_INT_LIMIT <= value < _INT_LIMIT)
    return kind in PLAIN


def _members(value: Any) -> Mapping[Any, Any] | Sequence[Any] | AbstractSet[Any] | None:
    """Return what a container holds, or None for what is no container."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return dict(value._asdict())
    if isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, str):
        return value
    kind = type(value)
    if isinstance(value, type):
        return None
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name, None) for name in kind.__dataclass_fields__}
    if hasattr(kind, "model_fields") and hasattr(kind, "model_dump"):  # pydantic, without importing it
        return {name: getattr(value, name, None) for name in kind.model_fields}
    if hasattr(kind, "__attrs_attrs__"):
        return {field.name: getattr(value, field.name, None) for field in kind.__attrs_attrs__}
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        listed = value.tolist()
        return listed if isinstance(listed, list) else [listed]
    if kind.__module__ == "collections" and kind.__name__ == "deque":
        return list(value)
    return None


def _plain(value: Any) -> Any:
    """Return the plain value under a subclass, past any method that the subclass overrides."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return getattr(kind, "__str__" if kind is str else f"__{kind.__name__}__")(value)
    return value


def _type_name(value: Any) -> str:
    return type(value).__qualname__


def safe_text(value: Any) -> str:
    """Return ``str(value)``, also of what raises in it."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - any __str__ may raise anything
        return f"<{_type_name(value)}: str raised {type(error).__name__}>"
