"""OpenTelemetry understands what we write, and we what it writes: a case crosses services of both kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pylogtap import wire
from pylogtap.context import within_case
from pylogtap.correlation import incoming_case, outgoing_headers
from pylogtap_collector.query import parse
from tests.support.carried import CASE
from tests.support.segments import SegmentBuilder
from tests.support.spooled import kept
from tests.support.stores import deliver, running_store

if TYPE_CHECKING:
    import logging
    from pathlib import Path

    import pylogtap


def test_its_services_join_our_trace(log: logging.Logger, handler: pylogtap.Handler) -> None:
    """A span that begins from our headers belongs to the trace whose id is the case's."""
    with within_case(CASE):
        headers = outgoing_headers({"baggage": "user=ada"})
    parent = TraceContextTextMapPropagator().extract(headers)
    with TracerProvider().get_tracer("tests").start_as_current_span("request", context=parent):
        log.error("failed")
    (record,) = [each for each in kept(handler.client.spool) if each.message == "failed"]
    assert record.more[wire.MORE_TRACE] == CASE
    assert wire.MORE_TEST not in record.more


def test_it_carries_our_baggage_on() -> None:
    """What its propagator makes of our baggage names the case to the next service of ours."""
    with within_case(CASE):
        headers = outgoing_headers({"baggage": "user=ada%20b"})
    carried = W3CBaggagePropagator().extract(headers)
    assert baggage.get_baggage("pylogtap.test", carried) == CASE
    onward: dict[str, str] = {}
    W3CBaggagePropagator().inject(onward, carried)
    assert incoming_case(onward) == CASE


async def test_found_by_one_query(tmp_path: Path) -> None:
    """A query for a case finds what was stamped, and what belongs to the trace that the case began."""
    segment = SegmentBuilder("shop/stock/a")
    site = segment.site("failed %s")
    for name, more in {
        "stamped": {wire.MORE_TEST: CASE},
        "traced": {wire.MORE_TRACE: CASE, wire.MORE_SPAN: "ab" * 8},
        "both": {wire.MORE_TEST: CASE, wire.MORE_TRACE: CASE},
        "another": {wire.MORE_TEST: "c" * 32, wire.MORE_TRACE: "d" * 32},
        "none": None,
    }.items():
        segment.record(site, [name], None, more)
    wanted: dict[str, list[str]] = {
        f"test:{CASE}": ["stamped", "traced", "both"],
        f"-test:{CASE}": ["another", "none"],
        "has:test": ["stamped", "both", "another"],
        f"trace:{CASE}": ["traced", "both"],
        f"test:{CASE},{'d' * 32}": ["stamped", "traced", "both", "another"],
        "test:a*": ["stamped", "both"],
        f"test:>={'b' * 32}": ["another"],
    }
    async with running_store(tmp_path) as store:
        await deliver(store, segment)
        logs: list[Any] = (await store.services.logs.page("", limit=10, order="asc")).items
        for query, names in wanted.items():
            found = (await store.services.logs.page(query, limit=10, order="asc")).items
            assert [log.message.removeprefix("failed ") for log in found] == names, query
            tailed = [log.message.removeprefix("failed ") for log in logs if parse(query).matches(log)]
            assert tailed == names, query
