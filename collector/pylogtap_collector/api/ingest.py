"""The way in for our own clients; docs/reference/wire-format.md describes the protocol."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.routing import Header, Raw, Routes
from pylogtap_collector.errors import DamagedSlice, Invalid, MissingRight, Overloaded, TooLarge
from pylogtap_collector.models import IngestAnswer
from pylogtap_collector.services import Services

Coding = Literal["zstd", "gzip", "identity"]
SLICE_TYPE = "application/vnd.pylogtap.slice"

routes = Routes("ingest", "Where clients deliver their records.")


@routes.post(
    "/api/v1/ingest", right=Right.DELIVER, errors=(DamagedSlice, TooLarge, Invalid, Overloaded, MissingRight)
)
async def ingest(
    services: Services,
    visitor: Visitor,
    stream: Annotated[
        str,
        StringConstraints(pattern="^[0-9a-f]{32}$"),
        Field(description="Id of the segment, 32 hex digits."),
    ],
    offset: Annotated[int, Field(ge=0, lt=2**31, description="Where the slice begins in it, bytes.")],
    body: Annotated[bytes, Raw(SLICE_TYPE)],
    skipped_from: Annotated[
        int | None,
        Field(
            ge=0, lt=2**53, description="Where the bytes begin that were set aside right before the slice."
        ),
    ] = None,
    encoding: Annotated[
        Coding | None, Header("Content-Encoding"), Field(description="What the body is compressed with.")
    ] = None,
    sent: Annotated[
        int | None,
        Header("Pylogtap-Sent"),
        Field(ge=0, lt=2**63, description="The sender's time, ns since the epoch: tells clocks that differ."),
    ] = None,
) -> IngestAnswer:
    """
    Store a slice of a segment.

    The answer comes when the records are on the disk. Its `next` says from which byte to go on; what was
    stored before is not stored again. A refused slice costs nothing: the client keeps it. A key for one
    project delivers records of that project alone.
    """
    coding = None if encoding == "identity" else encoding
    return await services.ingest.accept(
        bytes.fromhex(stream),
        offset,
        body,
        encoding=coding,
        skipped_from=skipped_from,
        sent_ns=sent,
        projects=visitor.where(Right.DELIVER),
    )
