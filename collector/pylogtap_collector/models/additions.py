"""Types of records that are added by hand."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from pylogtap_collector.models.base import Model, Moment, Name

MOST_LOGS = 1000  # of one request
Level = Annotated[
    str,
    StringConstraints(pattern=r"^[^\s\x00-\x20\x7f-\xa0\ufeff]{1,20}$"),  # engines differ about \s alone
    Field(
        description="trace, debug, info, warning, error, critical, a number from 1 to 24, or a word of your "
        "own, whose severity is unknown.",
        examples=["info"],
    ),
]
Message = Annotated[str, StringConstraints(min_length=1, max_length=65_536)]
AttributeName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ExceptionIn(Model):
    """An exception to add with a record."""

    type: str = Field(
        min_length=1, max_length=200, examples=["ValueError"], description="Name of the exception's class."
    )
    message: str = Field("", max_length=65_536, description="What it says.")
    stacktrace: str = Field("", max_length=65_536, description="Its traceback, as text.")


class LogIn(Model):
    """A record to add."""

    project: Name = Field(description="First part of the prefix.", examples=["shop"])
    service: Name = Field(description="Second part of the prefix.", examples=["checkout"])
    instance: Name = Field("api", description="Third part of the prefix.")
    level: Level = "info"
    message: Message = Field(examples=["deployed 2.4.1"], description="The text.")
    logger: str = Field("api", min_length=1, max_length=200, description="Name of the logger.")
    time: Moment | None = Field(
        None, description="When it happened, RFC 3339; null: now.", examples=["2026-11-23T04:50:00Z"]
    )
    attributes: dict[AttributeName, JsonValue] = Field(
        {}, max_length=100, description="What can be searched by name.", examples=[{"version": "2.4.1"}]
    )
    exception: ExceptionIn | None = Field(None, description="What went wrong.")
    trace_id: str | None = Field(
        None, pattern="^[0-9a-fA-F]{32}$", description="W3C trace id, 32 hex digits."
    )
    span_id: str | None = Field(None, pattern="^[0-9a-fA-F]{16}$", description="Span id, 16 hex digits.")
    test_id: str | None = Field(
        None, min_length=1, max_length=1000, description="Id of the test case that caused it."
    )


class LogsIn(Model):
    """Records to add."""

    logs: list[LogIn] = Field(
        min_length=1, max_length=MOST_LOGS, description="All of them are added, or none."
    )


class LogsAdded(Model):
    """What was added."""

    ids: list[int] = Field(description="The `id` of each record, in the order in which they were sent.")
