"""Deliver segments to a collector in a process of its own, and look what it has of them."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from pylogtap import wire

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.support.segments import SegmentBuilder


def deliver(collector: CollectorProcess, segment: SegmentBuilder, *, timeout_s: float = 60.0) -> int:
    """
    Deliver a whole segment.

    Args:
        collector: To whom.
        segment: The segment.
        timeout_s: How long the answer may take.

    Returns:
        The status of the answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=timeout_s)
    path = f"/api/v1/ingest?stream={segment.identity.hex()}&offset={wire.HEADER_SIZE}"
    try:
        connection.request("POST", path, segment.slice(), {"Content-Type": wire.CONTENT_TYPE})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def numbers_of(collector: CollectorProcess, query: str = "") -> list[int]:
    """Return the attribute `n` of all records that a query finds, in order."""
    return sorted(log["attributes"]["n"] for log in collector.logs(query) if "n" in log["attributes"])
