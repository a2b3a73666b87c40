"""A collector with some records, and what calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import Caller, calling
from tests.support.segments import SegmentBuilder, numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def call() -> AsyncIterator[Caller]:
    """A collector without records."""
    async with calling() as caller:
        yield caller


@pytest.fixture
async def filled(call: Caller) -> Caller:
    """A collector with 250 numbered records of shop/checkout/web-1, and three others of shop/stock/a."""
    await call.deliver(numbered_segment(250))
    other = SegmentBuilder("shop/stock/a")
    site = other.site("low stock of %s", level="warning", severity=13, logger="stock")
    for name in ("tea", "rice", "salt"):
        other.record(site, [name], {"article": name})
    await call.deliver(other)
    return call
