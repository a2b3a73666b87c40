"""The way in for reports that other test runners wrote."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.routing import Answer, Raw, Routes
from pylogtap_collector.api.taps.receiving import decoded
from pylogtap_collector.errors import Invalid, MissingRight, NotFound, Overloaded, TooLarge, Undecodable
from pylogtap_collector.models.base import Moment, Name
from pylogtap_collector.models.cases import Commit, ImportAnswer, Short
from pylogtap_collector.services import Services
from pylogtap_collector.services.test_import import Told
from pylogtap_collector.wire import Place

TESTS_IMPORT = "/api/v1/tests/import"
_EXAMPLE: dict[str, Any] = {
    "reportFormat": "CTRF",
    "specVersion": "1.0.0",
    "results": {
        "tool": {"name": "jest"},
        "summary": {
            "tests": 1, "passed": 1, "failed": 0, "skipped": 0, "pending": 0, "other": 0,
            "start": 1795169730000, "stop": 1795169730250,
        },
        "tests": [{"name": "adds an item", "status": "passed", "duration": 250, "suite": ["cart"]}],
    },
}  # fmt: skip
_REPORT = {"type": "object", "description": "A report in CTRF."}

Report = Annotated[
    bytes,
    Raw(
        "application/xml", "text/xml", "application/json", "application/x-ndjson", "application/jsonl",
        "application/octet-stream", "text/plain",
        example=_EXAMPLE, schema=_REPORT, may_be_large=True,
    ),
]  # fmt: skip
Form = Literal["auto", "junit", "reportlog", "ctrf", "go", "tap"]

routes = Routes("test reports", "Reports of test runs that other programs wrote.")


@routes.post(
    TESTS_IMPORT,
    right=Right.DELIVER,
    status=201,
    errors=(NotFound, MissingRight, Invalid, Undecodable, TooLarge, Overloaded),
    also={200: "The same report was imported before: nothing was added."},
)
async def import_test_report(
    services: Services,
    visitor: Visitor,
    request: web.Request,
    body: Report,
    project: Annotated[Name, Field(description="First part of the prefix.", examples=["shop"])],
    service: Annotated[Name, Field(description="Second part of the prefix.", examples=["mailer"])],
    instance: Annotated[Name, Field(description="Third part of the prefix.", examples=["ci"])] = "tests",
    format: Annotated[  # noqa: A002 - the parameter's name in the address
        Form, Field(description="Format of the report; `auto`: it is told by how the report begins.")
    ] = "auto",
    commit: Annotated[
        Commit | None,
        Field(description="Revision of the working tree, 7 to 64 hex digits.", examples=["0c1d2e3f4a5b"]),
    ] = None,
    branch: Annotated[Short | None, Field(description="Branch.", examples=["main"])] = None,
    started: Annotated[
        Moment | None,
        Field(
            description="When the run began, RFC 3339; default: as the report says, else so that it ended "
            "just now.",
            examples=["2026-11-23T04:50:00Z"],
        ),
    ] = None,
) -> Answer[ImportAnswer]:
    """
    Import a report: JUnit XML of any runner, JSON lines of pytest-reportlog or go test, CTRF, or TAP.

    A report becomes one run with all of its cases. The answer comes when it is stored. The same bytes for the
    same place are stored once, however often they come. Of a report that is broken somewhere, what stands
    before is imported, and `skipped` says what is not. The body may be compressed, by Content-Encoding.
    """
    report = await decoded(services, request, body, bytes)
    answer = await services.test_import.add(
        report,
        Place(project, service, instance),
        visitor,
        None if format == "auto" else format,
        Told(commit, branch, started),
    )
    return Answer(answer, status=200 if answer.repeated else None)
