"""What all types of the API share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, StringConstraints

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


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


@dataclass(frozen=True)
class Format:
    """
    Gives a text a `format` in the OpenAPI document: what it has to be, where no schema can say it.

    Attributes:
        name: Of the format.
    """

    name: str

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, describe: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add it to what is said of the text; it says more than that there is no zero in it."""
        found = describe(core)
        for text in (found, *found.get("anyOf", ())):
            text.pop("pattern", None)
        return {**found, "format": self.name}


class _WithoutZero:
    """Says in the OpenAPI document what :func:`readable` refuses."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, describe: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"pattern": r"^[^\u0000]*$", **describe(core)}


def whole(value: object) -> object:
    """Return a whole number that JSON wrote as `5.0`, which is an integer there, as one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def moment(value: object) -> datetime:
    """
    Return a point in time, which has to be written as RFC 3339 says: numbers and dates alone are none.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("write a time as RFC 3339 with an offset, such as 2026-11-23T04:50:00Z")
    return datetime.fromisoformat(value.upper())


Moment = Annotated[AwareDatetime, BeforeValidator(moment, json_schema_input_type=AwareDatetime)]
Readable = Annotated[str, AfterValidator(readable), _WithoutZero()]
WHOLE = BeforeValidator(whole)  # of an integer
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
LabelKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(max_length=1000)]
Order = Literal["asc", "desc"]


class Model(BaseModel):
    """What all API types share: unknown members are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
