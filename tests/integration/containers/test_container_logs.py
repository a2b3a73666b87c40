"""Logs of real containers are stored once: rotated, cut, long, of terminals, and whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.containers.echoes import Shipped
from pylogtap_collector.containers.engine import Engine
from pylogtap_collector.containers.watch import Watch
from tests.support.container_sink import DurableSink, until
from tests.support.engine import PYTHON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from pylogtap_collector.containers.model import Container
    from tests.support.engine import Containers

pytestmark = pytest.mark.engine
ROTATED = {"Type": "json-file", "Config": {"max-size": "200k", "max-file": "30"}}
# numbers on stdout, every other one also on stderr, at some thousand a second
NUMBERS = """
import sys, time
for number in range(1, {count} + 1):
    print("number", number, flush=True)
    if not number % 2:
        print("other", number, file=sys.stderr, flush=True)
    if not number % {burst}:
        time.sleep({pause})
time.sleep(1000)
"""
TRACES = """
import sys, time
for number in range(40):
    print("Traceback (most recent call last):", file=sys.stderr)
    print(f'  File "a.py", line {number}, in run', file=sys.stderr, flush=True)
    time.sleep(0.02)
    print(f"ValueError: bad {number}", file=sys.stderr, flush=True)
    print("between", number, flush=True)
    time.sleep(0.03)
time.sleep(1000)
"""


@asynccontextmanager
async def watched(address: str, sink: DurableSink) -> AsyncIterator[Watch]:
    """Watch an engine until the end of the block, then die."""
    watch = Watch(Engine(address), sink, sink, own="")
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def cut_often(address: str, sink: DurableSink, done: Callable[[], bool], *, least: int) -> int:
    """Watch, and die at random moments, until all is there; return how often that was."""
    cuts = 0
    async with asyncio.timeout(60):
        while cuts < least or not done():
            async with watched(address, sink):
                await asyncio.sleep(random.uniform(0.02, 0.5) if cuts < least else 2)
            cuts += 1
    return cuts


def numbers(sink: DurableSink, container_id: str) -> tuple[Counter[str], Counter[str]]:
    """Return how often each number is stored, of stdout and of stderr."""
    found = sink.of(container_id)
    out = Counter(each.message for each in found if "stream" not in each.fields)
    return out, Counter(each.message for each in found if each.fields.get("stream") == "stderr")


async def test_rotation_and_many_cuts_lose_and_double_nothing(engine: str, containers: Containers) -> None:
    """10,000 numbers in files of 200 kB, while the reader dies 20 times, also within a transaction."""
    count, sink = 10_000, DurableSink(slow=True)
    program = NUMBERS.format(count=count, burst=100, pause=0.06)
    one = containers.run("python3", "-c", program, image=PYTHON, log_config=ROTATED)
    cuts = await cut_often(engine, sink, lambda: len(sink.of(one)) >= count * 3 // 2, least=20)
    out, other = numbers(sink, one)
    assert cuts >= 20
    assert out == Counter(f"number {number}" for number in range(1, count + 1))
    assert other == Counter(f"other {number}" for number in range(2, count + 1, 2))


async def test_a_busy_container_is_followed_on_and_on(engine: str, containers: Containers) -> None:
    """Thousands of lines over seconds, without a pause, arrive as they are written, and in their order."""
    count, sink = 4_000, DurableSink()
    program = NUMBERS.format(count=count, burst=20, pause=0.015)
    async with watched(engine, sink):
        one = containers.run("python3", "-c", program, image=PYTHON, log_config=ROTATED)
        await until(lambda: len(sink.of(one)) >= count * 3 // 2)
    out, other = numbers(sink, one)
    assert list(out) == [f"number {number}" for number in range(1, count + 1)]
    assert list(other) == [f"other {number}" for number in range(2, count + 1, 2)]
    assert {*out.values(), *other.values()} == {1}


async def test_tracebacks_stay_whole_across_cuts(engine: str, containers: Containers) -> None:
    """A traceback that is half written when the reader dies is read again, and stored as one record."""
    sink = DurableSink(slow=True)
    one = containers.run("python3", "-c", TRACES, image=PYTHON)
    await cut_often(engine, sink, lambda: len(sink.of(one)) >= 80, least=6)
    found = [each for each in sink.of(one) if each.exception]
    assert Counter(each.message for each in found) == Counter(
        f"ValueError: bad {number}" for number in range(40)
    )
    assert all(each.exception and each.exception["stacktrace"].count("\n") == 2 for each in found)
    assert Counter(each.message for each in sink.of(one) if not each.exception) == Counter(
        f"between {number}" for number in range(40)
    )


async def test_long_lines_and_bytes_that_are_no_text(engine: str, containers: Containers) -> None:
    """Lines of 40 and of 300 kB are whole, or in pieces; invalid UTF-8 is no obstacle; backfilled all."""
    program = (
        "import sys, time; write = sys.stdout.buffer.write;"
        "write(b'a' * 40_000 + b'\\n' + b'b' * 300_000 + b'\\n' + b'bad \\xff\\xfe byte\\n' + b'last');"
        "sys.stdout.flush(); time.sleep(0.3); sys.exit(3)"
    )
    sink = DurableSink()
    one = containers.run("python3", "-c", program, image=PYTHON)
    containers.client.wait(one)
    async with watched(engine, sink) as watch:
        await until(lambda: sink.of(one) and sink.of(one)[-1].message == "last")
        (state,) = [each for each in watch.state().containers if each.id == one]
        await until(lambda: [each.log for each in watch.state().containers if each.id == one] == ["ended"])
    assert (state.running, state.error) == (False, "")
    first, *pieces, bad, _ = [each.message for each in sink.of(one)]
    assert first == "a" * 40_000
    assert "".join(pieces) == "b" * 300_000
    assert max(map(len, pieces)) <= 128 << 10
    assert bad == "bad \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} byte"


async def test_a_terminal(engine: str, containers: Containers) -> None:
    """Lines of a terminal, long ones too; what it says last has no newline, and is not lost at a restart."""
    script = "echo $((1)) one; head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'bye'; sleep 0.5"
    sink = DurableSink()
    one = containers.run("sh", "-c", script, tty=True)
    async with watched(engine, sink):
        await until(lambda: len(sink.of(one)) == 3)
        containers.client.start(one)
        await until(lambda: len(sink.of(one)) == 6)
    assert [each.message for each in sink.of(one)] == ["1 one", "x" * 40_000, "bye"] * 2


async def test_a_container_that_is_removed_at_once(engine: str, containers: Containers) -> None:
    """The last words of one that removes itself are stored."""
    sink = DurableSink()
    async with watched(engine, sink) as watch:
        await until(lambda: watch.state().reachable)
        ids = []
        for _ in range(3):  # in threads: the watch is to see them start at once
            command = ("sh", "-c", "sleep 0.5; echo last words; exit 3")
            ids.append(await asyncio.to_thread(containers.run, *command, auto_remove=True))
        await until(lambda: all("is removed" in str(sink.events(each)[-1:]) for each in ids))
        await until(lambda: all(sink.of(each) for each in ids))
        await until(lambda: not any(each in name for name in sink.known for each in ids))
    assert [[each.message for each in sink.of(one)] for one in ids] == [["last words"]] * 3


async def test_a_store_that_is_full_is_waited_for(engine: str, containers: Containers) -> None:
    """Nothing is dropped, and all is stored in order when there is room again."""
    sink = DurableSink()
    sink.refuses = 20
    one = containers.run("sh", "-c", "for i in $(seq 3000); do echo $i; done; sleep 1000")
    async with watched(engine, sink):
        await until(lambda: len(sink.of(one)) >= 3000)
    assert [each.message for each in sink.of(one)] == [str(number) for number in range(1, 3001)]
    assert 100 <= sink.largest <= 3000


async def test_what_cannot_be_read_and_what_is_not_wanted(
    engine: str, containers: Containers, caplog: pytest.LogCaptureFixture
) -> None:
    """A driver without a log is told once; a container with the label is not followed, nor is our own."""
    caplog.set_level(logging.INFO, "pylogtap.collector")
    sink = DurableSink()
    none = containers.run("sh", "-c", "echo x; sleep 1000", log_config={"Type": "none", "Config": {}})
    label = containers.run("sh", "-c", "echo x; sleep 1000", labels={"pylogtap.enable": "false"})
    own = containers.run("sh", "-c", "echo x; sleep 1000")
    local = containers.run("sh", "-c", "echo x; sleep 1000", log_config={"Type": "local", "Config": {}})
    watch = Watch(Engine(engine), sink, sink, own=own[:12])
    running = asyncio.create_task(watch.run())
    try:
        await until(lambda: any(each.log == "unreadable" for each in watch.state().containers))
        await until(lambda: sink.of(local))
        followed = {each.id for each in watch.state().containers}
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert {none, local} <= followed
    assert not {label, own} & followed
    assert not sink.of(label) + sink.of(own) + sink.of(none)
    assert none in sink.followed
    name = containers.inspect(none)["Name"].lstrip("/")
    assert sum(f"{name} cannot be read" in each.message for each in caplog.records) == 1


async def test_what_a_driver_delivers_here_is_not_read(engine: str, containers: Containers) -> None:
    """Of such a container only what becomes of it is told; of one that delivers elsewhere, all is read."""
    sink, script = DurableSink(), "echo x; sleep 0.5; exit 3"
    drivers = [
        {"Type": "gelf", "Config": {"gelf-address": f"udp://127.0.0.1:{port}"}} for port in (5514, 5515)
    ]
    watch = Watch(Engine(engine), sink, sink, own="", own_ports=frozenset({5514}))
    running = asyncio.create_task(watch.run())
    try:
        await until(lambda: watch.state().reachable)
        here, elsewhere = [
            await asyncio.to_thread(containers.run, "sh", "-c", script, log_config=driver)
            for driver in drivers
        ]
        await until(lambda: sink.of(elsewhere))
        await until(lambda: len(sink.events(here)) == 2)
        states = {each.id: each.log for each in watch.state().containers}
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    assert states[here] == "delivered"
    assert sink.of(here) == []
    assert sink.events(here)[-1].fields["last_lines"] == ["x"]


class Client:
    """Knows what the client of a container has shipped."""

    def __init__(self, container_id: str, messages: Sequence[str]) -> None:
        """Say so."""
        self._id, self._messages = container_id, messages
        self.asked: list[Container] = []

    async def shipped(self, container: Container, since_ns: int, until_ns: int) -> Sequence[Shipped] | None:
        """Return it for that container."""
        if container.id != self._id:
            return None
        self.asked.append(container)
        middle = (since_ns + until_ns) // 2
        return [Shipped(middle, each) for each in self._messages]


async def test_what_a_client_has_shipped_is_not_stored_twice(engine: str, containers: Containers) -> None:
    """A line that echoes a shipped record is left out, a plain print is not."""
    script = "echo '09:15:30.422 WARNING  shop.cart cart is full'; echo printed; sleep 1000"
    one = containers.run("sh", "-c", script, environment={"PYLOGTAP_URL": "http://collector:4321"})
    other = containers.run("sh", "-c", script)
    sink, client = DurableSink(), Client(one, ["cart is full"])
    running = asyncio.create_task(Watch(Engine(engine), sink, sink, shipped=client, own="").run())
    await until(lambda: sink.of(one) and len(sink.of(other)) == 2)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert [each.message for each in sink.of(one)] == ["printed"]
    assert client.asked[0].ships
