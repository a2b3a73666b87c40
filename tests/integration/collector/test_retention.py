"""What is not to be kept goes, by age and by size; a full disk can be cleared."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import NotFound, Overloaded
from pylogtap_collector.models import RetentionPatch
from pylogtap_collector.services.reserve import RESERVE
from pylogtap_collector.storage import sealing, streams
from pylogtap_collector.storage.retention import used_bytes
from tests.support.segments import SegmentBuilder
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap_collector.assembly import Collector

RESERVED = 48 << 20
DAY_NS = 86_400_000_000_000
NOW = 1_800_000_000_000_000_000


def days_ago(project: str, *ages: float, text: str = "") -> SegmentBuilder:
    """Return a segment of records that are so many days old, each with its age as its message."""
    segment = SegmentBuilder(f"{project}/web/1")
    site = segment.site("%s days %s")
    for age in ages:
        segment.record(site, [f"{age:g}", text], when=NOW - int(age * DAY_NS))
    return segment


async def seal_all(store: Collector) -> None:
    """Seal what can be sealed."""
    while await store.keeper.seal(spare=0):
        pass


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal eight records at a time."""
    monkeypatch.setattr(sealing, "BLOCK", 8)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("sealed", [False, True])
async def test_records_go_by_their_age(*, sealed: bool) -> None:
    """What is older than a project's limit goes, sealed or not; of another project it stays."""
    async with running_store(keep_days=30) as store:
        await store.tasks.stop()
        for project in ("shop", "bank"):
            await deliver(store, days_ago(project, *range(40)))
        if sealed:
            await seal_all(store)
        await store.services.retention.change("shop", RetentionPatch(keep_days=10.5), local())
        assert await store.services.retention.enforce(NOW) == 29 + 9
        assert len(await messages(store, "project:shop")) == 11
        assert len(await messages(store, "project:bank")) == 31
        assert (await store.services.catalog.project("shop")).records == 11
        assert await store.services.retention.enforce(NOW) == 0
        assert store.counters.expired == 38


@pytest.mark.usefixtures("small_blocks")
async def test_the_oldest_go_where_a_project_takes_too_much() -> None:
    """Beyond the bytes that a project may take, its oldest blocks go; those of others stay."""
    async with running_store() as store:
        await store.tasks.stop()
        for number in range(5):
            for project in ("shop", "bank"):
                text = os.urandom(4000).hex()
                await deliver(store, days_ago(project, *[10 - number] * 8, text=text))
                await seal_all(store)
        retention = store.services.retention
        before = await retention.project("shop")
        await retention.change("shop", RetentionPatch(keep_bytes=before.bytes // 2), local())
        assert await retention.enforce(NOW) == 24
        assert sorted({found.split()[0] for found in await messages(store, "project:shop")}) == ["6", "7"]
        assert len(await messages(store, "project:bank")) == 40
        assert (await retention.project("shop")).bytes <= before.bytes // 2


@pytest.mark.usefixtures("small_blocks")
async def test_the_file_stays_below_a_limit(tmp_path: Path) -> None:
    """Beyond the bytes that all may take the oldest blocks go, and the file shrinks."""
    async with running_store(tmp_path, keep_bytes=1_000_000) as store:
        await store.tasks.stop()
        for number in range(40):
            segment = SegmentBuilder("shop/web/1")
            site = segment.site("%s %s")
            for place in range(8):
                segment.record(site, [str(number), os.urandom(4000).hex()], when=NOW + number * 8 + place)
            await deliver(store, segment)
            await seal_all(store)
        assert await store.engine.work(used_bytes) > 1_000_000
        assert await store.services.retention.enforce(NOW) > 0
        left = {found.split()[0] for found in await messages(store)}
        assert left
        assert left == {str(number) for number in range(40 - len(left), 40)}
        while await store.engine.write(lambda connection: streams.release_pages(connection, 0)):
            pass
    assert (tmp_path / "pylogtap.db").stat().st_size <= 1_000_000


async def test_rules_of_projects() -> None:
    """A rule is shown as it is, changes in part, and goes back to the default; nobody's rule is an error."""
    async with running_store(keep_days=90) as store:
        await deliver(store, days_ago("shop", 1))
        retention = store.services.retention
        with pytest.raises(NotFound):
            await retention.change("nowhere", RetentionPatch(keep_days=1), local())
        changed = await retention.change("shop", RetentionPatch(keep_days=7), local())
        assert (changed.keep_days, changed.keep_bytes, changed.default_keep_days) == (7, None, 90)
        changed = await retention.change("shop", RetentionPatch(keep_bytes=5), local())
        assert (changed.keep_days, changed.keep_bytes) == (7, 5)
        changed = await retention.change("shop", RetentionPatch(keep_days=None, keep_bytes=None), local())
        assert (changed.keep_days, changed.keep_bytes) == (None, None)


@pytest.mark.usefixtures("small_blocks")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["shop", "bank"]), st.lists(st.integers(0, 20), min_size=1, max_size=9))
        | st.sampled_from(["seal", "expire"]),
        max_size=9,
    )
)
def test_only_what_is_too_old_goes(steps: list[tuple[str, list[int]] | str]) -> None:
    """Whatever is delivered, sealed and expired in whichever order: what is left is what a list has left."""

    async def run() -> None:
        expected: list[tuple[str, int]] = []
        async with running_store() as store:
            await store.tasks.stop()
            for step in steps:
                if step == "seal":
                    await seal_all(store)
                elif step == "expire":
                    if any(project == "shop" for project, _ in expected):
                        await store.services.retention.change("shop", RetentionPatch(keep_days=9.5), local())
                    await store.services.retention.enforce(NOW)
                    expected = [(name, age) for name, age in expected if name == "bank" or age < 10]
                elif not isinstance(step, str):
                    project, ages = step
                    await deliver(store, days_ago(project, *ages))
                    expected += [(project, age) for age in ages]
            for project in ("shop", "bank"):
                found = await messages(store, f"project:{project}")
                assert sorted(int(message.split()[0]) for message in found) == sorted(
                    age for name, age in expected if name == project
                )

    asyncio.run(run())


async def fill_up(store: Collector) -> list[str]:
    """Deliver until the collector refuses; return what it took."""
    taken: list[str] = []
    for number in range(2000):
        segment = SegmentBuilder("shop/web/1")
        site = segment.site("%s %s")
        for _ in range(8):
            text = os.urandom(8000).hex()
            segment.record(site, [str(number), text], {"round": number}, when=NOW + number)
        try:
            await deliver(store, segment)
        except Overloaded:
            return taken
        taken += [str(number)] * 8
    raise AssertionError("the disk did not get full")


async def numbers_in(store: Collector) -> list[str]:
    """Return the numbers that the stored messages begin with."""
    return [message.split()[0] for message in await messages(store)]


async def wait_for(store: Collector, *, given: bool) -> None:
    """Wait until the reserve is given away, or is back."""
    reserve = store.services.ingest._reserve
    end = time.monotonic() + 20
    while reserve.given is not given:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of its own in memory; only the superuser may."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip(
            "a small disk cannot be made here; run the tests as root, or in a container that may mount"
        )
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def delete(store: Collector, q: str) -> int:
    """Delete records of a full disk: it may take a moment until there is room for that."""
    end = time.monotonic() + 60
    while True:
        try:
            return (await store.services.logs.delete(q, local())).deleted
        except Overloaded:
            assert time.monotonic() < end
            await asyncio.sleep(0.2)


@pytest.mark.usefixtures("small_blocks")
async def test_a_full_disk_can_be_cleared(tmp_path: Path) -> None:
    """On a full disk nothing acknowledged is lost, reading goes on, and deleting makes room again."""
    with small_disk(tmp_path / "disk", 240) as folder:
        async with running_store(folder, reserve_bytes=RESERVED, recent_records=0) as store:
            taken = await fill_up(store)
            await wait_for(store, given=True)
            with pytest.raises(Overloaded, match="full"):  # at once: it clears up meanwhile
                await deliver(store, days_ago("shop", 1))
            assert await numbers_in(store) == taken
            kept = taken[-80:]
            assert await delete(store, f"round:<={taken[-81]}") == len(taken) - 80
            await wait_for(store, given=False)
            assert (folder / RESERVE).stat().st_size == RESERVED
            await deliver(store, days_ago("shop", 1))
            assert sorted(await numbers_in(store)) == sorted([*kept, "1"])


@pytest.mark.usefixtures("small_blocks")
async def test_a_limit_clears_a_full_disk(tmp_path: Path) -> None:
    """Where a limit says how much may be used, a full disk is cleared without anybody's help."""
    with small_disk(tmp_path / "disk", 240) as folder:
        async with running_store(
            folder, reserve_bytes=RESERVED, keep_bytes=20_000_000, recent_records=0
        ) as store:
            await fill_up(store)
            end = time.monotonic() + 20
            while True:
                try:
                    await deliver(store, days_ago("shop", 1))
                    break
                except Overloaded:
                    assert time.monotonic() < end
                    await asyncio.sleep(0.2)
            assert "1" in await numbers_in(store)
