"""Types of searches that people save."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from pylogtap_collector.models.base import Format, Model, Name, Readable, left_out

SearchName = Annotated[
    Readable,
    StringConstraints(min_length=1, max_length=100),
    Field(description="What people call it.", examples=["failed payments"]),
]
SavedQuery = Annotated[
    Readable,
    StringConstraints(max_length=4000),
    Field(
        description="A query; empty: all.",
        examples=["level:>=warning service:checkout"],
    ),
    Format("pylogtap-query"),
]
RangeEnd = Annotated[
    Readable,
    StringConstraints(min_length=1, max_length=64),
    Format("pylogtap-time"),
]
_SINCE = "Beginning of the range, as `since` of a search; relative ones stay relative. Null: none."
_UNTIL = "End of the range, as `until` of a search. Null: none."
_PROJECT = "Whoever reads this project sees it, and whoever writes in it changes it; null: it is private."


class SavedSearchIn(Model):
    """A search to save."""

    name: SearchName
    query: SavedQuery
    since: RangeEnd | None = Field(None, description=_SINCE, examples=["1h"])
    until: RangeEnd | None = Field(None, description=_UNTIL)
    project: Name | None = Field(None, description=_PROJECT, examples=["shop"])


class SavedSearchPatch(Model):
    """What may change of a saved search. Leave out what stays."""

    name: SearchName = Field("", json_schema_extra=left_out)
    query: SavedQuery = Field("", json_schema_extra=left_out)
    since: RangeEnd | None = Field(None, description=_SINCE, json_schema_extra=left_out)
    until: RangeEnd | None = Field(None, description=_UNTIL, json_schema_extra=left_out)
    project: Name | None = Field(
        None,
        description=f"{_PROJECT} Null makes it that of whoever asks for it.",
        json_schema_extra=left_out,
    )


class SavedSearch(Model):
    """A search under a name."""

    id: int = Field(description="Stable, and never given twice.")
    name: str = Field(description="For people.")
    query: str = Field(description="In the query language.")
    since: str | None = Field(description=_SINCE)
    until: str | None = Field(description=_UNTIL)
    project: str | None = Field(
        description="Whose readers see it; null: its owner's alone, or, without an owner, of all who read "
        "everywhere."
    )
    owner: str | None = Field(description="The user who made it; null: no user did, or he is gone.")
    created: datetime = Field(description="When it was made, RFC 3339, UTC.")
    changed: datetime = Field(description="When it was changed last, RFC 3339, UTC.")


class SavedSearchPage(Model):
    """Some saved searches, and where to go on."""

    items: list[SavedSearch] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")
