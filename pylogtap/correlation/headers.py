"""The headers that carry a case: written for requests that go out, read from those that come in."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pylogtap.context import current_case

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBER = "pylogtap.test"  # the baggage member whose value is the case's id
MAX_BAGGAGE = 8_192  # characters; W3C Baggage, section 3.3.2: what everybody has to carry on
MAX_MEMBERS = 64  # as above
MAX_WRITTEN = 4_096  # characters; many servers refuse a request for headers that come near the limit above

_CASE = re.compile(r"[0-9a-f]{32}")
_NO_TRACE = "0" * 32  # W3C Trace Context, section 3.2.2.3: no trace has this id


def outgoing_headers(existing: Mapping[Any, Any] | None = None) -> dict[str, str]:
    """
    Return the headers to set on a request, so that it carries the case that is active here.

    A `traceparent` whose trace id is the case's id, unless the request has one, or a span of OpenTelemetry is
    active, which writes its own; and `baggage` with the member `pylogtap.test`, what the request had in front
    of it. Baggage that would grow too long, or that names a case, stays as it is.

    Args:
        existing: The request's headers, in any case.

    Returns:
        Names in lower case; none while no case is active.
    """
    case = current_case()
    if case is None or not _is_case(case):
        return {}
    present = _present(existing or {})
    headers = {}
    if "traceparent" not in present and not _is_traced():
        headers["traceparent"] = f"00-{case}-{os.urandom(8).hex()}-01"
    members = [text for text in present.get("baggage", ()) if text]
    baggage = ",".join([*members, f"{MEMBER}={case}"])
    if not any(map(_names_case, members)) and _is_carried(baggage):
        headers["baggage"] = baggage
    return headers


def incoming_case(headers: Mapping[Any, Any]) -> str | None:
    """
    Return the id of the case that a request carries in its baggage: 32 hex digits in lower case.

    Args:
        headers: The request's headers, in any case.

    Returns:
        None where there is none, or what is there is no id.
    """
    return case_in(",".join(_present(headers).get("baggage", ())))


def case_in(baggage: str) -> str | None:
    """
    Return the id of the case that a `baggage` header names; None: none, or it is too long or no id.

    Args:
        baggage: The header's value; several of them with commas between.
    """
    if MEMBER not in baggage or len(baggage) > MAX_BAGGAGE:
        return None
    for member in baggage.split(","):
        name, _, rest = member.partition("=")
        if name.strip() == MEMBER:
            case = unquote(rest.partition(";")[0].strip()).lower()
            return case if _is_case(case) else None
    return None


def _present(headers: Mapping[Any, Any]) -> dict[str, list[str]]:
    """Return the values of the two headers, those of multiple ones one by one."""
    found: dict[str, list[str]] = {}
    for name, value in headers.items():
        key = _text(name).lower()
        if key in {"traceparent", "baggage"}:
            found.setdefault(key, []).append(_text(value).strip())
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _names_case(baggage: str) -> bool:
    return any(member.partition("=")[0].strip() == MEMBER for member in baggage.split(","))


def _is_carried(baggage: str) -> bool:
    return len(baggage) <= MAX_WRITTEN and baggage.count(",") < MAX_MEMBERS


def _is_case(text: str) -> bool:
    return _CASE.fullmatch(text) is not None and text != _NO_TRACE


def _is_traced() -> bool:
    """Tell whether a span of OpenTelemetry is active here."""
    trace = sys.modules.get("opentelemetry.trace")
    return trace is not None and bool(trace.get_current_span().get_span_context().is_valid)
