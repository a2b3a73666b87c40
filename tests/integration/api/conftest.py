"""A collector with some records, and what calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import argon2
import pytest

from pylogtap_collector.access import passwords
from tests.support.api import Caller, calling
from tests.support.segments import SegmentBuilder, numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords by argon2id as always, but with little memory: these tests sign in hundreds of times."""
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    monkeypatch.setattr(passwords, "_NOBODYS", hasher.hash("nobody's"))


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
