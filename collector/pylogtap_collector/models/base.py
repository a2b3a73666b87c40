"""What all types of the API share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


def readable(text: str) -> str:
    """
    Return a text that can be stored and sent.

    Raises:
        ValueError: It holds a zero character, or half of a surrogate pair.
    """
    if "\0" in text:
        raise ValueError("it holds a zero character")
    text.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError
    return text


def left_out(schema: dict[str, Any]) -> None:
    """Describe a member of a patch that keeps its value when it is left out: it has no default."""
    schema.pop("default", None)


Readable = Annotated[str, AfterValidator(readable)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
LabelKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(max_length=1000)]
Order = Literal["asc", "desc"]


class Model(BaseModel):
    """What all API types share: unknown members are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
