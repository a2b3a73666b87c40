"""The part of Elasticsearch's API that shippers need (https://www.elastic.co/docs/api/doc/elasticsearch/)."""

from __future__ import annotations

import time
from functools import partial
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, StringConstraints

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.routing import Answer, Raw, Routes
from pylogtap_collector.api.taps.dialects import ELASTIC_HEADERS, Elastic
from pylogtap_collector.api.taps.receiving import decoded, place_for
from pylogtap_collector.errors import MissingRight, TooLarge, Undecodable
from pylogtap_collector.models.taps import (
    BulkAnswer,
    ElasticInfo,
    ElasticLicense,
    ElasticLicenseAnswer,
    ElasticVersion,
    Nothing,
)
from pylogtap_collector.services import Services
from pylogtap_collector.taps.bulk import Item, answer, decode_bulk, identity_of

_VERSION = "9.0.0"  # of the protocol: clients of 8 and 9 speak to it
_NDJSON = "application/x-ndjson"
_OF_CLIENT = "application/vnd.elasticsearch+x-ndjson"
_OPTIONS: dict[str, Any] = {
    "right": Right.DELIVER,
    "dialect": Elastic(),
    "headers": {"X-Elastic-Product": "Always `Elasticsearch`: its clients ask for it."},
}
_BULK: dict[str, Any] = {**_OPTIONS, "errors": (Undecodable, TooLarge, MissingRight)}
_FORBIDDEN = 403
_INFO = ElasticInfo(
    name="pylogtap",
    cluster_name="pylogtap",
    cluster_uuid="pylogtap",
    version=ElasticVersion(number=_VERSION),
    tagline="You Know, for Search",
)

Body = Annotated[bytes, Raw(_NDJSON, _OF_CLIENT)]
Index = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9.][A-Za-z0-9._:+@-]{0,254}$"),
    Field(
        description="Name of an index; it is the service of documents that do not say theirs.",
        examples=["web"],
    ),
]
Wanted = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,255}$"),
    Field(description="A name.", examples=["logs"]),
]

routes = Routes("elasticsearch", "Documents of Filebeat, Logstash, Fluentd and of Elasticsearch's clients.")


@routes.post("/_bulk", **_BULK)
async def bulk(services: Services, visitor: Visitor, request: web.Request, body: Body) -> Answer[BulkAnswer]:
    """
    Store documents as Elasticsearch's bulk API takes them.

    Lines in pairs: `{"create": {}}` or `{"index": {}}`, and a document by the Elastic Common Schema or any
    other. The answer comes when they are on the disk, and says of each what became of it.
    """
    return await _take(services, visitor, request, body)


@routes.add("PUT", "/_bulk", **_BULK)
async def put_bulk(
    services: Services, visitor: Visitor, request: web.Request, body: Body
) -> Answer[BulkAnswer]:
    """Store documents; Elasticsearch's own clients say PUT."""
    return await _take(services, visitor, request, body)


@routes.post("/{index}/_bulk", **_BULK)
async def bulk_into(
    services: Services, visitor: Visitor, request: web.Request, index: Index, body: Body
) -> Answer[BulkAnswer]:
    """Store documents of an index."""
    return await _take(services, visitor, request, body, index)


@routes.add("PUT", "/{index}/_bulk", **_BULK)
async def put_bulk_into(
    services: Services, visitor: Visitor, request: web.Request, index: Index, body: Body
) -> Answer[BulkAnswer]:
    """Store documents of an index, likewise."""
    return await _take(services, visitor, request, body, index)


@routes.post("/elastic/_bulk", **_BULK)
async def bulk_below(
    services: Services, visitor: Visitor, request: web.Request, body: Body
) -> Answer[BulkAnswer]:
    """Store documents, where shippers were told `http://HOST:PORT/elastic`."""
    return await _take(services, visitor, request, body)


@routes.add("PUT", "/elastic/_bulk", **_BULK)
async def put_bulk_below(
    services: Services, visitor: Visitor, request: web.Request, body: Body
) -> Answer[BulkAnswer]:
    """Store documents there, likewise."""
    return await _take(services, visitor, request, body)


@routes.post("/elastic/{index}/_bulk", **_BULK)
async def bulk_into_below(
    services: Services, visitor: Visitor, request: web.Request, index: Index, body: Body
) -> Answer[BulkAnswer]:
    """Store documents of an index there."""
    return await _take(services, visitor, request, body, index)


@routes.add("PUT", "/elastic/{index}/_bulk", **_BULK)
async def put_bulk_into_below(
    services: Services, visitor: Visitor, request: web.Request, index: Index, body: Body
) -> Answer[BulkAnswer]:
    """Store documents of an index there, likewise."""
    return await _take(services, visitor, request, body, index)


@routes.get("/elastic", **_OPTIONS)
async def read_elastic() -> Answer[ElasticInfo]:
    """Tell what shippers want to know of Elasticsearch before they send."""
    return Answer(_INFO, ELASTIC_HEADERS)


@routes.get("/elastic/", **_OPTIONS)
async def read_elastic_root() -> Answer[ElasticInfo]:
    """Tell the same, with the slash that clients put behind the path they were told."""
    return Answer(_INFO, ELASTIC_HEADERS)


@routes.get("/elastic/_license", **_OPTIONS)
async def read_elastic_license() -> Answer[ElasticLicenseAnswer]:
    """Tell shippers that the license is good."""
    return Answer(ElasticLicenseAnswer(license=ElasticLicense()), ELASTIC_HEADERS)


@routes.get("/elastic/_nodes/{wanted}", **_OPTIONS)
async def read_elastic_nodes(wanted: Wanted) -> Answer[Nothing]:
    """Tell shippers that there are no other nodes."""
    return _nothing(wanted)


@routes.get("/elastic/_index_template/{wanted}", **_OPTIONS)
async def read_elastic_template(wanted: Wanted) -> Answer[Nothing]:
    """Tell shippers that their template is there: none is needed."""
    return _nothing(wanted)


@routes.get("/elastic/_ilm/policy/{wanted}", **_OPTIONS)
async def read_elastic_policy(wanted: Wanted) -> Answer[Nothing]:
    """Tell shippers that their policy is there: how long records are kept is said elsewhere."""
    return _nothing(wanted)


@routes.get("/elastic/_ingest/pipeline/{wanted}", **_OPTIONS)
async def read_elastic_pipeline(wanted: Wanted) -> Answer[Nothing]:
    """Tell shippers that their pipeline is there: documents are understood without one."""
    return _nothing(wanted)


def _nothing(_: str) -> Answer[Nothing]:
    return Answer(Nothing(), ELASTIC_HEADERS)


async def _take(
    services: Services, visitor: Visitor, request: web.Request, body: bytes, index: str = ""
) -> Answer[BulkAnswer]:
    place = place_for(visitor, "elastic")
    read = partial(decode_bulk, default=place, now_ns=time.time_ns(), index=index)
    items: list[Item] = await decoded(services, request, body, read)
    good = [number for number, item in enumerate(items) if item.entry is not None]
    entries = [entry for item in items if (entry := item.entry) is not None]
    taken = await services.intake.take(entries, visitor, identity=identity_of(items))
    if taken.refused and not taken.stored:
        raise MissingRight(f"{len(taken.refused)} not taken: {taken.refused[0].reason}.")
    for refused in taken.refused:
        number = good[refused.index]
        items[number] = items[number]._replace(error=refused.reason, status=_FORBIDDEN)
    return Answer(BulkAnswer(**answer(items)), ELASTIC_HEADERS)
