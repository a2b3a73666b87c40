"""Types of the collector's own state, and of its answers to clients."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pylogtap_collector.models.base import Model


class IngestAnswer(Model):
    """What the collector has of a stream."""

    next: int = Field(description="Byte offset from which to send on; smaller than the offset sent: rewind.")
    words: dict[str, Any] = Field(
        {}, description="Words to the client: `redact`, further words that make a field's name a secret one."
    )


class Compaction(Model):
    """How far a compaction has come."""

    done: bool = Field(description="Whether this is the end.")
    blocks_before: int
    blocks: int
    block_bytes_before: int = Field(description="Bytes of all blocks when it began.")
    block_bytes: int
    file_bytes_before: int = Field(description="Bytes of the database when it began.")
    file_bytes: int


class TaskState(Model):
    """How a background task is doing."""

    name: str = Field(description="Its name.")
    running: bool = Field(description="Whether it runs.")
    restarts: int = Field(description="How often it was started again.")
    last_error: str | None = Field(description="Why it failed last.")


class Health(Model):
    """Whether the collector is alive, and can store."""

    status: Literal["ok", "failing"] = Field(description="`ok`: records can be stored.")
    version: str = Field(description="The collector's.")
    reasons: list[str] = Field([], description="Why it cannot store, one sentence each.")
    notices: list[str] = Field([], description="What people should look at, one sentence each.")
    tasks: list[TaskState] = Field([], description="Background tasks.")
    dropped: int = Field(0, description="Records that programs have said they had to drop, since the start.")


class Problem(BaseModel):
    """An error as RFC 9457 describes it, with a stable code."""

    model_config = ConfigDict(extra="allow")

    type: str = Field("about:blank", description="Always `about:blank`: `code` tells it from others.")
    title: str = Field(description="The kind of problem.")
    status: int = Field(description="Of HTTP.")
    code: str = Field(description="Stable, for programs.")
    detail: str = Field(description="What is wrong and what to do about it.")
