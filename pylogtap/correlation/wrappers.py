"""Functions of other libraries, replaced by ones that do something more, once, and put back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_replaced: dict[tuple[Any, str], tuple[Any, Any]] = {}  # by owner and name: ours, and what was there


def wrap(owner: Any, name: str, around: Callable[[Any], Any]) -> None:
    """
    Replace a function of a class or an object, unless we have done so before.

    Args:
        owner: The class or object.
        name: Of the function.
        around: Gets the function, returns what takes its place.
    """
    if (owner, name) in _replaced:
        return
    original = getattr(owner, name)
    wrapper = functools.wraps(original)(around(original))
    _replaced[owner, name] = (wrapper, original)
    setattr(owner, name, wrapper)


def unwrap(owner: Any, name: str) -> None:
    """
    Put back what was there, unless somebody else has replaced ours meanwhile.

    Args:
        owner: The class or object.
        name: Of the function.
    """
    wrapper, original = _replaced.get((owner, name), (None, None))
    if wrapper is not None and owner.__dict__.get(name) is wrapper:
        setattr(owner, name, original)
        del _replaced[owner, name]
