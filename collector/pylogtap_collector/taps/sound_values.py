"""Checks of values that came from anywhere: each returns a value that can be stored, or None."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.cases.facts import shorten
from pylogtap.values import well_formed

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Mapping

    Check = Callable[[Any], Any]

_REMARK = 64  # characters that a text may be longer: whoever has cut it says so in it


def text(most: int) -> Check:
    """
    Return the check of a text.

    Args:
        most: Characters; of a longer one the ends are kept.
    """

    def check(value: Any) -> str | None:
        if type(value) is not str:
            return None
        found: str = value if len(value) <= most + _REMARK else shorten(value, most)
        if not found.isascii():
            found = well_formed(found)
        return found.replace("\0", "\ufffd") if "\0" in found else found

    return check


def matching(pattern: re.Pattern[str]) -> Check:
    """
    Return the check of a text that has to match.

    Args:
        pattern: All of it.
    """

    def check(value: Any) -> str | None:
        return value if type(value) is str and pattern.fullmatch(value) else None

    return check


def choice(values: Collection[str]) -> Check:
    """
    Return the check of a word.

    Args:
        values: The words that there are.
    """
    known = frozenset(values)

    def check(value: Any) -> str | None:
        return value if type(value) is str and value in known else None

    return check


def whole(end: int, *, least: int = 0) -> Check:
    """
    Return the check of a whole number.

    Args:
        end: It has to be less.
        least: It may not be less.
    """

    def check(value: Any) -> int | None:
        return value if type(value) is int and least <= value < end else None

    return check


def number(most: float) -> Check:
    """
    Return the check of a number that is not negative.

    Args:
        most: It may not be more.
    """

    def check(value: Any) -> float | None:
        if type(value) is float and 0.0 <= value <= most:  # not a number is neither
            return value
        return float(value) if type(value) is int and 0 <= value <= most else None

    return check


def flag(value: Any) -> bool | None:
    """Check a truth value."""
    return value if type(value) is bool else None


def list_of(check: Check, most: int) -> Check:
    """
    Return the check of a list; items that are not sound are left out.

    Args:
        check: Of an item.
        most: Items that are looked at.
    """

    def check_all(value: Any) -> list[Any] | None:
        if not isinstance(value, list | tuple):
            return None
        return [sound for item in value[:most] if (sound := check(item)) is not None]

    return check_all


_check_key = text(2_000)


def map_of(check: Check, most: int) -> Check:
    """
    Return the check of a map from texts; items that are not sound are left out.

    Args:
        check: Of a value.
        most: Items that are looked at.
    """

    def check_all(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        found: dict[str, Any] = {}
        for key, item in value.items() if len(value) <= most else list(value.items())[:most]:
            name, sound = _check_key(key), check(item)
            if name is not None and sound is not None:
                found[name] = sound
        return found

    return check_all


def pairs(check: Check, most: int) -> Check:
    """
    Return the check of a list of pairs of a name and a value; those that are not sound are left out.

    Args:
        check: Of a value.
        most: Pairs that are looked at.
    """

    def check_pair(value: Any) -> list[Any] | None:
        if not isinstance(value, list | tuple) or len(value) != 2:
            return None
        name, sound = _check_key(value[0]), check(value[1])
        return None if name is None or sound is None else [name, sound]

    return list_of(check_pair, most)


def members(checks: Mapping[str, Check]) -> Check:
    """
    Return the check of a map with members that are known; others, and those not sound, are left out.

    Args:
        checks: By member.
    """

    def check_all(value: Any) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return None
        found: dict[str, Any] = {}
        for name, item in value.items():
            check = checks.get(name)
            if check is not None and (sound := check(item)) is not None:
                found[name] = sound
        return found

    return check_all
