"""Types of the containers that are followed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pylogtap_collector.models.base import Model

ContainerLog = Literal["begins", "followed", "ended", "full", "unreadable", "delivered", "failed", "gone"]
MetricsSource = Literal["files", "poll", "stream", "none"]


class Unknown(Model):
    """A value that nobody can tell of a container: unknown, which is not zero."""

    value: str = Field(description="Which.", examples=["block I/O"])
    reason: str = Field(description="Why.", examples=["the kernel does not count it"])
    can_switch_on: bool = Field(description="Whether `switch_lines` of the engine help.")


class FollowedContainer(Model):
    """A container whose log is read and whose use is measured."""

    id: str = Field(description="As the engine has it, 64 hex digits.")
    name: str = Field(description="Its name.", examples=["shop-web-1"])
    project: str = Field(description="First part of the prefix: the compose project.")
    service: str = Field(description="Second part of the prefix: the compose service.")
    instance: str = Field(description="Third part of the prefix: the service and the container's number.")
    running: bool = Field(description="Whether it runs.")
    health: str = Field(description="As its own check says; empty: it has none.", examples=["healthy"])
    log: ContainerLog = Field(
        description="What goes on with its log. `begins`: what the engine still has is read; `full`: the "
        "collector cannot store just now; `unreadable`: its log driver keeps nothing that could be read; "
        "`delivered`: its log driver delivers to this collector, so that it is not read as well."
    )
    metrics: MetricsSource = Field(
        description="Where its metrics come from: files of the kernel, or the engine, polled or streaming."
    )
    unknown: list[Unknown] = Field(description="What cannot be measured, and why.")
    error: str | None = Field(description="What went wrong last; null: nothing.")


class EngineState(Model):
    """The container engine that is watched."""

    wanted: bool = Field(description="Whether an engine is to be watched at all: the setting `docker`.")
    reachable: bool = Field(description="Whether it answers.")
    version: str = Field(description="Of the engine; empty: it has never answered.")
    error: str | None = Field(description="Why it does not answer; null: it does, or none is there.")
    switch_lines: list[str] = Field(
        description="What root has to run once after each start of the machine so that the kernel counts "
        "block I/O; empty: it does, or cannot."
    )


class ContainerPage(Model):
    """Some containers, the engine, and where to go on."""

    engine: EngineState
    items: list[FollowedContainer] = Field(description="By place, then by name.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")
