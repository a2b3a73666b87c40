"""Parameters that several operations share, with their limits and descriptions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from pylogtap_collector.api.routing import Header
from pylogtap_collector.models import Order, Readable
from pylogtap_collector.models.base import Format

_TIME = "RFC 3339, seconds since the epoch (or ms, µs, ns), or how long ago: `15m`, `1h30m`, `now-2d`."

Text = Readable
# What no schema can say has a format of its own; docs/reference/http-api.md says what.
_QUERY = Format("pylogtap-query")
_MOMENT = Format("pylogtap-time")
_CURSOR = Format("pylogtap-cursor")
_TAGS = Format("pylogtap-etags")
PlaceName = Annotated[Text, Field(max_length=63, description="A segment of a prefix.", examples=["shop"])]
ServiceName = Annotated[
    Text, Field(max_length=63, description="A segment of a prefix.", examples=["checkout"])
]
InstanceName = Annotated[Text, Field(max_length=63, description="A segment of a prefix.", examples=["web-1"])]
ProjectFilter = Annotated[
    Text | None, Field(max_length=63, description="Of this project alone.", examples=["shop"])
]
NamePart = Annotated[
    Text | None, Field(max_length=63, description="A part of the name; case does not count.", examples=["ad"])
]
Number = Field(ge=1, lt=2**53, examples=[1])
LogId = Annotated[int, Field(ge=0, le=2**53, description="The log's `id`.", examples=[65536])]
QueryText = Annotated[
    Text,
    Field(
        max_length=4000,
        description='A query; empty: all. Words, `"phrases"`, `field:value`, `OR`, `-`, parentheses.',
        examples=["level:>=warning service:checkout"],
    ),
    _QUERY,
]
Since = Annotated[
    Text | None,
    Field(
        max_length=64,
        description=f"Beginning of the range. {_TIME}",
        examples=["1h"],
    ),
    _MOMENT,
]
Until = Annotated[
    Text | None,
    Field(
        max_length=64,
        description=f"End of the range, not included. {_TIME}",
        examples=["now"],
    ),
    _MOMENT,
]
Step = Annotated[
    Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,5}(s|m|h|d))?$")] | None,
    Field(
        description="How long a step is: `30s`, `5m`, `1h`, `1d`. Default: so that there are at most 300.",
        examples=["5m"],
    ),
]
Prefix = Annotated[
    Annotated[
        str,
        StringConstraints(
            pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62}(/[A-Za-z0-9][A-Za-z0-9._-]{0,62}){0,2})?$"
        ),
    ]
    | None,
    Field(
        description="Of this place and those under it: `shop`, `shop/web`, `shop/web/web-1`.",
        examples=["shop/checkout"],
    ),
]
Sorting = Annotated[Order, Field(description="By time: `desc` is the newest first.")]
Limit = Annotated[int, Field(ge=1, le=1000, description="The most to return.")]
Cursor = Annotated[
    Text | None,
    Field(max_length=400, description="`next` of the page before."),
    _CURSOR,
]
IfMatch = Annotated[
    Text | None,
    Header("If-Match"),
    Field(
        max_length=400,
        description="`ETag` of what was read; the change is refused if it is not current.",
    ),
    _TAGS,
]


def expected_versions(if_match: str | None) -> frozenset[str] | None:
    """
    Return the versions that a header If-Match names (RFC 9110, 13.1.1); None: any.

    Args:
        if_match: Its value. Weak tags never match, as the standard wants it.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    return frozenset(
        tag.strip()[1:-1] for tag in if_match.split(",") if tag.strip()[:1] == '"' == tag.strip()[-1:]
    )


def etag(version: str) -> dict[str, str]:
    """
    Return the header that names a version.

    Args:
        version: From :func:`pylogtap_collector.services.versions.version_of`.
    """
    return {"ETag": f'"{version}"'}
