"""A collector for tests in this process; pylogtap_collector.proofs.daemon has one that can be killed."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.daemon import serving
from pylogtap_collector.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True)
class Collector:
    """
    A collector that runs in this process.

    Attributes:
        url: Its address.
        settings: What it was started with.
    """

    url: str
    settings: Settings


@asynccontextmanager
async def running_collector(
    *, memory: bool = True, data: Path | None = None, **settings: Any
) -> AsyncIterator[Collector]:
    """
    Serve a collector on a free port of the loopback while this lasts.

    Args:
        memory: Keep everything in memory.
        data: Folder of the database, when it is not in memory; default: one that goes away at the end.
        settings: Further settings, by their names.
    """
    with tempfile.TemporaryDirectory(prefix="pylogtap-test-") as folder:
        settings = {"adopt": False, "host_metrics": False, "docker": "off", **settings}
        chosen = Settings(memory=memory, data=data or Path(folder), port=0, **settings)
        async with serving(chosen) as url:
            yield Collector(url, chosen)
