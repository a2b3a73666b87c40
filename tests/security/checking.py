"""What has to hold for every answer of the API, and records that carry a payload wherever they can."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pylogtap
import pylogtap_collector
from pylogtap import wire
from pylogtap.record import site_payload
from tests.security.corpus import MARK
from tests.support.segments import SegmentBuilder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.support.api import Reply

TELLTALES = (
    b"Traceback (most recent call last)",
    b"site-packages",
    b"sqlite3.",
    b'File "/',
    *(str(Path(each.__file__ or "").parent).encode() for each in (pylogtap, pylogtap_collector)),
)
_CODE = re.compile(r"[a-z][a-z0-9_]{2,40}")
_BUSY = frozenset({"overloaded", "query_too_slow"})  # the 503 that the API describes


def check_answer(reply: Reply, *payloads: str) -> None:
    """
    Check what holds for every answer: no fault of the collector's, nothing told of its inside.

    Args:
        reply: The answer.
        payloads: What was sent; none of it may stand in a header of the answer.
    """
    assert reply.status < 500 or (reply.status == 503 and reply.json["code"] in _BUSY), reply.body[:500]
    kind = reply.headers.get("Content-Type", "").partition(";")[0]
    if reply.status >= 400:
        document = json.loads(reply.body)
        assert kind == "application/problem+json"
        assert _CODE.fullmatch(document["code"]), document
        assert document["status"] == reply.status
        assert document["detail"]
    if reply.body:
        assert kind in {"application/json", "application/problem+json"}, kind
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
    if reply.status >= 400:  # a good answer may carry what was logged: that may be a traceback
        assert not [each for each in TELLTALES if each in reply.body], reply.body[:500]
    check_headers(reply.headers, *payloads)


def check_headers(headers: Mapping[str, str], *payloads: str) -> None:
    """Check that no payload came back in a header, and that none has a character that ends or hides one."""
    for name, value in headers.items():
        assert value.isprintable(), f"{name}: {value!r}"
        assert not name.lower().startswith("x-injected")
        assert not [each for each in payloads if len(each) > 3 and each in value], f"{name}: {value!r}"


def check_refused(reply: Reply, *payloads: str) -> None:
    """Check that a request was refused, properly, and not as a fault of the collector's."""
    check_answer(reply, *payloads)
    assert 400 <= reply.status < 500, (reply.status, reply.body[:300])


def hostile_segment(
    payloads: Iterable[str], prefix: str = "shop/hostile/h-1", *, level: str | None = None
) -> SegmentBuilder:
    """
    Return a segment with a record for each payload, which stands in all of its parts.

    Args:
        payloads: The payloads.
        prefix: The place of the records.
        level: Their level; default: the payload, of a severity that has no name.
    """
    segment = SegmentBuilder(prefix)
    for number, payload in enumerate(payloads, 1):
        shown = payload if level is None else level
        style = wire.STYLE_TEXT
        values = (1, payload, 17, shown, None, f"/srv/{payload}.py", 7, f"charge {payload}", style)
        segment.put(site_payload(number, values))
        segment.thread(number, payload)
        failure = {
            "type": f"Error{payload}",
            "message": payload,
            "stacktrace": f"Traceback (most recent call last):\n  {payload}\nError{payload}: {payload}",
            "arguments": {f"argument {payload}": payload},
        }
        more: dict[str, Any] = {
            wire.MORE_EXCEPTION: failure,
            wire.MORE_THREAD: number,
            wire.MORE_TEST: f"test {payload}",
            wire.MORE_TRACE: payload,
            wire.MORE_SPAN: payload,
        }
        fields = {"number": number, f"name {payload}": 1, "value": payload, "deep": {payload: [payload]}}
        message = f"{MARK} {number} {payload}"
        segment.record(number, message, fields, more, when=time.time_ns())
    return segment
