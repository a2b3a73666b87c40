"""Types of what the collector delivers to other systems."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pylogtap_collector.models.base import Format, Model, Readable, left_out

ForwardName = Annotated[
    Readable,
    StringConstraints(min_length=1, max_length=100),
    Field(description="What people call it.", examples=["company-wide logs"]),
]
ForwardUrl = Annotated[
    Readable,
    Field(min_length=1, max_length=300),
    Format("pylogtap-url"),
    Field(
        description="Where it takes OTLP over HTTP, such as `https://otlp.example.com/v1/logs`. It has to "
        "begin as one of the collector's setting `outgoing` does.",
        examples=["http://127.0.0.1:11434/v1/logs"],
    ),
]
ForwardQuery = Annotated[
    Readable,
    StringConstraints(max_length=4000),
    Field(description="Which records; empty: all.", examples=["level:>=warning project:shop"]),
    Format("pylogtap-query"),
]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,99}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,998}[\x21-\x7e])?$")]
_HEADERS = "Headers that prove that we may deliver. Their values are encrypted and never shown again."
_ENABLED = "Whether it is delivered; what comes meanwhile is delivered once it is again."
Start = Literal["now", "beginning"]


class ForwardIn(Model):
    """Something to deliver to another system from now on."""

    name: ForwardName
    url: ForwardUrl
    query: ForwardQuery = ""
    headers: dict[HeaderName, HeaderValue] = Field(
        {}, max_length=16, description=_HEADERS, examples=[{"Authorization": "Bearer TOKEN"}]
    )
    enabled: bool = Field(default=True, description=_ENABLED)
    start: Start = Field("now", description="`now`: what comes from now on; `beginning`: all that is there.")


class ForwardPatch(Model):
    """What may change of it. Leave out what stays; where it stands in the records stays, too."""

    name: ForwardName = Field("", json_schema_extra=left_out)
    url: ForwardUrl = Field("", json_schema_extra=left_out)
    query: ForwardQuery = Field("", json_schema_extra=left_out)
    headers: dict[HeaderName, HeaderValue] = Field(
        {}, max_length=16, description=f"All of them anew. {_HEADERS}", json_schema_extra=left_out
    )
    enabled: bool = Field(default=True, description=_ENABLED, json_schema_extra=left_out)


class Forward(Model):
    """Records that are delivered to another system, at least once each."""

    id: int = Field(description="Stable, and never given twice.")
    name: str = Field(description="What people call it.")
    url: str = Field(description="Where it goes, by OTLP over HTTP.")
    query: str = Field(description="Which records; empty: all.")
    header_names: list[str] = Field(description="Headers that are sent with it; their values are secret.")
    enabled: bool = Field(description=_ENABLED)
    position: int = Field(description="Id of the last record that was delivered or passed over.")
    sent: int = Field(description="How many records were delivered.")
    refused: int = Field(description="How many the other system refused for good; they are not sent again.")
    last_sent: datetime | None = Field(description="When something was delivered last, RFC 3339, UTC.")
    last_error: str | None = Field(description="Why it does not go on at present; null: it does.")
    created: datetime = Field(description="When it was made, RFC 3339, UTC.")
    changed: datetime = Field(description="When it was changed last, RFC 3339, UTC.")


class ForwardPage(Model):
    """Some of what is delivered, and where to go on."""

    items: list[Forward] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")
