"""Records of a small shop, delivered as its services would: levels, exceptions, hostile texts, colours."""

from __future__ import annotations

import time
import urllib.request
from typing import Any

from pylogtap import wire
from tests.support.segments import SegmentBuilder

MINUTE_NS = 60 * 1_000_000_000
STACK = """Traceback (most recent call last):
  File "/srv/shop/pay.py", line 12, in charge
    return bank.ask(cents)
  File "/srv/shop/bank.py", line 40, in ask
    raise GatewayTimeout("no answer from bank.example")
GatewayTimeout: no answer from bank.example
"""
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def deliver(url: str, segment: SegmentBuilder, key: str | None = None) -> None:
    """
    Deliver a segment to a collector.

    Args:
        url: The collector's address.
        segment: The segment.
        key: The collector's key, where it wants one.
    """
    request = urllib.request.Request(
        f"{url}/api/v1/ingest?stream={segment.identity.hex()}&offset={wire.HEADER_SIZE}",
        data=segment.slice(),
        headers={"Content-Type": wire.CONTENT_TYPE, **({"Authorization": f"Bearer {key}"} if key else {})},
    )
    urllib.request.urlopen(request, timeout=30).close()


def shop_segments(now_ns: int | None = None) -> list[SegmentBuilder]:
    """
    Return the shop's records of the last half hour: 120 orders, charges, 6 of them failed.

    Args:
        now_ns: When they end, ns since the epoch; default: now.
    """
    now = time.time_ns() if now_ns is None else now_ns
    checkout, payments = SegmentBuilder("shop/checkout/web-1"), SegmentBuilder("shop/payments/pay-1")
    placed = checkout.site("order %d of customer %d: %d x %s")
    slow = checkout.site("order %d was slow: %d ms", level="warning", severity=13)
    charged = payments.site("charged", style=wire.STYLE_EVENT)
    failed = payments.site("charge failed", level="error", severity=17, style=wire.STYLE_EVENT)
    for number in range(120):
        when, order = now - (120 - number) * MINUTE_NS // 4, 1000 + number
        fields = {"order": order, "request": f"{number * 7919:08x}"}
        checkout.record(placed, [order, number % 17, 1 + number % 3, "tea"], fields, when=when)
        if number % 20 == 19:
            error = {"type": "GatewayTimeout", "message": "no answer from bank.example", "stacktrace": STACK}
            payments.record(failed, None, fields, {wire.MORE_EXCEPTION: error}, when=when + 40_000_000)
        else:
            payments.record(charged, None, {**fields, "cents": 100 + number}, when=when + 30_000_000)
        if number % 15 == 14:
            checkout.record(slow, [order, 300 + number], fields, when=when + 90_000_000)
    return [checkout, payments]


def line_segment(
    *messages: str, prefix: str = "shop/tools/t-1", level: str = "info", **fields: Any
) -> SegmentBuilder:
    """
    Return a segment with plain messages, logged now.

    Args:
        messages: The messages.
        prefix: Their place.
        level: Their level.
        fields: Of each.
    """
    segment = SegmentBuilder(prefix)
    severity = {"info": 9, "warning": 13, "error": 17}[level]
    site = segment.site(None, style=wire.STYLE_TEXT, level=level, severity=severity)
    for message in messages:
        segment.record(site, message, fields or None, when=time.time_ns())
    return segment
