"""Answers to shippers that speak other protocols, as these define them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from pylogtap_collector.models.base import Model


class RefusedRecord(Model):
    """A record that was not taken."""

    index: int = Field(description="Its place among all that came, from 0 on.")
    reason: str = Field(description="Why, and what to do.")


class ShownRecord(Model):
    """How a record is understood."""

    project: str = Field(description="First part of the prefix.")
    service: str = Field(description="Second part of the prefix.")
    instance: str = Field(description="Third part of the prefix.")
    time: datetime | None = Field(description="When it was logged; null: it does not say.")
    level: str = Field(description="Name of the level.")
    severity_number: int = Field(description="OpenTelemetry severity, 1 to 24.")
    logger: str = Field(description="Name of the logger.")
    message: str = Field(description="What it says.")
    template: str | None = Field(description="The message before its values were put in, where known.")
    attributes: dict[str, Any] = Field(description="Its fields.")
    exception: dict[str, str] | None = Field(description="`type`, `message` and `stacktrace`.")
    trace_id: str | None = Field(description="W3C trace id.")
    span_id: str | None = Field(description="Span id.")


class ShipmentAnswer(Model):
    """What became of records."""

    stored: int = Field(description="How many are stored.")
    refused: list[RefusedRecord] = Field(description="The others.")
    records: list[ShownRecord] | None = Field(
        None, description="With `debug=1`: how they are understood; none of them is stored then."
    )


class BulkAnswer(Model):
    """What became of the pairs of a bulk request of Elasticsearch."""

    took: int = Field(description="Milliseconds.")
    errors: bool = Field(description="Whether any of them was refused.")
    items: list[dict[str, Any]] = Field(description="One for each pair, in their order, under its action.")


class ElasticVersion(Model):
    """Which version of Elasticsearch's protocol is spoken."""

    number: str = Field(description="Of the protocol, not of this collector.")
    build_flavor: str = Field("default", description="Of no meaning here.")
    lucene_version: str = Field("10.0.0", description="Of no meaning here.")
    minimum_wire_compatibility_version: str = Field("8.0.0", description="The oldest that may ask.")
    minimum_index_compatibility_version: str = Field("8.0.0", description="Of no meaning here.")


class ElasticInfo(Model):
    """What shippers want to know of Elasticsearch before they send."""

    name: str = Field(description="Of this server.")
    cluster_name: str = Field(description="The same.")
    cluster_uuid: str = Field(description="Of no meaning here.")
    version: ElasticVersion = Field(description="Which version is spoken.")
    tagline: str = Field(description="As Elasticsearch says it.")


class ElasticLicense(Model):
    """A license, as shippers look for one."""

    status: str = Field("active", description="Always `active`.")
    type: str = Field("basic", description="Always `basic`.")
    mode: str = Field("basic", description="Always `basic`.")


class ElasticLicenseAnswer(Model):
    """The answer to who asks for the license."""

    license: ElasticLicense = Field(description="It is there, and good.")


class Nothing(Model):
    """Nothing is known of it, and nothing is missing: what is asked for plays no part here."""


class SentryAnswer(Model):
    """The answer to an envelope."""

    id: str | None = Field(description="Of the event in it, 32 hex digits; null: it has none.")
