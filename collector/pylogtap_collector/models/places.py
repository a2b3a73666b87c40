"""Types of projects, services and instances."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from pylogtap_collector.models.base import WHOLE, Model, Name


class ProjectIn(Model):
    """A project to create."""

    name: Name = Field(examples=["garden"], description="First part of the prefix.")
    description: str = Field(
        "", max_length=2000, description="For people.", examples=["Where the tea grows."]
    )


class PlacePatch(Model):
    """What may change of a project, service or instance."""

    description: str | None = Field(None, max_length=2000, description="For people; null: none.")


class ProjectRetention(Model):
    """How long a project's records are kept."""

    keep_days: float | None = Field(description="Days after a record's time; null: as the settings say.")
    keep_bytes: int | None = Field(description="Bytes that its sealed records may take; null: no limit.")
    default_keep_days: float | None = Field(description="What the settings say; null: forever.")
    bytes: int = Field(description="Bytes that its sealed records take, about.")


class RetentionPatch(Model):
    """What may change of how long records are kept; null: as the settings say."""

    keep_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        examples=[30],
        description="Days after a record's time; null: as the settings say.",
    )
    keep_bytes: Annotated[int, Field(gt=0, lt=2**53), WHOLE] | None = Field(
        None, examples=[1_000_000_000], description="Bytes that its sealed records may take; null: no limit."
    )


class Project(Model):
    """The first segment of a prefix."""

    name: str = Field(description="Its name.")
    description: str = Field(description="What people wrote about it.")
    created: datetime = Field(description="When it was made, RFC 3339, UTC.")
    last_seen: datetime | None = Field(
        description="When its last record came, RFC 3339, UTC; null: none came yet."
    )
    records: int = Field(description="Records stored under it.")
    services: int = Field(description="Services known under it.")


class ServiceIn(Model):
    """A service to create."""

    name: Name = Field(examples=["stock"], description="Second part of the prefix.")
    description: str = Field(
        "", max_length=2000, description="For people.", examples=["Counts what is there."]
    )


class Service(Model):
    """The second segment of a prefix."""

    project: str = Field(description="First part of the prefix.")
    name: str = Field(description="Its name.")
    description: str = Field(description="What people wrote about it.")
    created: datetime = Field(description="When it was made, RFC 3339, UTC.")
    last_seen: datetime | None = Field(
        description="When its last record came, RFC 3339, UTC; null: none came yet."
    )
    records: int = Field(description="Records stored under it.")
    instances: int = Field(description="Instances known under it.")


class InstanceIn(Model):
    """An instance to create."""

    name: Name = Field(examples=["web-9"], description="Third part of the prefix.")
    description: str = Field(
        "", max_length=2000, description="For people.", examples=["The one in the cellar."]
    )


class Instance(Model):
    """The third segment of a prefix."""

    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    name: str = Field(description="Its name.")
    description: str = Field(description="What people wrote about it.")
    created: datetime = Field(description="When it was made, RFC 3339, UTC.")
    last_seen: datetime | None = Field(
        description="When its last record came, RFC 3339, UTC; null: none came yet."
    )
    records: int = Field(description="Records stored under it.")


class ProjectPage(Model):
    """Some projects, and where to go on."""

    items: list[Project] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class ServicePage(Model):
    """Some services, and where to go on."""

    items: list[Service] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")


class InstancePage(Model):
    """Some instances, and where to go on."""

    items: list[Instance] = Field(description="In the order that the operation names.")
    next: str | None = Field(description="Give it as `cursor` to get the following page; null at the end.")
