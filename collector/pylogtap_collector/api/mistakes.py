"""What is wrong with a request, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from pylogtap_collector.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_NAMED = 50  # mistakes of a request that its refusal names; it counts the others
_PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$": "letters, digits, dots, dashes and underscores, at most 63, and a "
    "letter or digit first",
    r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$": "letters, digits and `._@+-`, at most 63, and a letter or digit "
    "first",
    r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$": "letters, digits and `_./-`, at most 63, and a letter, digit or "
    "underscore first",
    r"^[0-9a-f]{32}$": "32 hexadecimal digits, letters small",
    r"^[0-9a-f]{7,64}$": "a revision: 7 to 64 hexadecimal digits, letters small",
    r"^[0-9a-f]{1,64}$": "how a revision begins: hexadecimal digits, letters small, at most 64",
    r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}(=[^\x00]{0,1000})?$": "the name of a label, or `name=value`",
    r"^([1-9][0-9]{0,5}(s|m|h|d))?$": "a number and `s`, `m`, `h` or `d`, such as `30s`",
    r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62}(/[A-Za-z0-9][A-Za-z0-9._-]{0,62}){0,2})?$": "a place: `shop`, "
    "`shop/web` or `shop/web/web-1`",
}


def invalid(error: ValidationError, place: str, model: type[BaseModel]) -> Invalid:
    """
    Return the refusal of a request.

    Args:
        error: What pydantic found.
        place: Where: `path`, `query`, `header` or `body`.
        model: What would be right.
    """
    mistakes = [
        {
            "place": place,
            "name": ".".join(str(part) for part in each["loc"]),
            "message": _message(each, model),
        }
        for each in error.errors(include_url=False, include_input=False)[:_NAMED]
    ]
    first, count = mistakes[0], error.error_count()
    name = f" `{first['name']}`" if first["name"] else ""
    more = f" (and {count - 1} more)" if count > 1 else ""
    return Invalid(f"{place}{name}: {first['message']}{more}; /docs shows what is right.", errors=mistakes)


def _message(mistake: ErrorDetails, model: type[BaseModel]) -> str:
    if mistake["type"] == "extra_forbidden":
        owner = _owner(model, mistake["loc"][:-1])
        if owner is None:
            return "there is nothing of this name"
        names = ", ".join(sorted(field.alias or name for name, field in owner.model_fields.items()))
        return f"there is nothing of this name; there is: {names}" if names else "there are none here"
    pattern = mistake.get("ctx", {}).get("pattern")
    if pattern in _PATTERNS:
        return f"it takes {_PATTERNS[pattern]}"
    text = mistake["msg"].removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _owner(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel] | None:
    """Return the model of the member at a path, or None where that is none."""
    found: type[BaseModel] | None = model
    for part in path:
        if found is not None and isinstance(part, str):
            field = found.model_fields.get(part)
            found = None if field is None else _model_in(field.annotation)
    return found


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next(filter(None, map(_model_in, get_args(kind))), None)
