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

    name: str
    running: bool
    restarts: int
    last_error: str | None


class Health(Model):
    """Whether the collector is alive, and can store."""

    status: Literal["ok", "failing"]
    version: str
    reasons: list[str] = Field([], description="Why it cannot store, one sentence each.")
    tasks: list[TaskState] = Field([])


class Problem(BaseModel):
    """An error as RFC 9457 describes it, with a stable code."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = Field(description="What is wrong and what to do about it.")
