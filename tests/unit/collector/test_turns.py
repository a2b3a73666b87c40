"""Turns on the event loop: who is many goes on one after the other, and everybody else in between."""

from __future__ import annotations

import asyncio

from pylogtap_collector.turns import Allowance, Turns


async def test_others_come_in_between() -> None:
    """Of a hundred that may go on at once, not many do before somebody else has his turn."""
    turns, begin, done = Turns(), asyncio.Event(), list[str]()

    async def go_on() -> None:
        await begin.wait()
        await turns.wait()
        done.append("one of many")

    async def ask() -> None:
        await begin.wait()
        for _ in range(20):
            await asyncio.sleep(0)
            done.append("somebody else")

    tasks = [asyncio.create_task(go_on()) for _ in range(100)] + [asyncio.create_task(ask())]
    await asyncio.sleep(0)
    begin.set()
    await asyncio.gather(*tasks)
    last = max(place for place, who in enumerate(done) if who == "somebody else")
    assert done[:last].count("one of many") <= 40
    assert done.count("one of many") == 100


async def test_who_gives_up_keeps_nobody_waiting() -> None:
    """A turn that is no longer wanted goes to the next."""
    turns = Turns()
    waiting = [asyncio.create_task(turns.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    async with asyncio.timeout(10):
        await waiting[2]


async def test_what_is_at_work_at_once_is_bounded() -> None:
    """Who finds no room waits for it, in order; one that is larger than all there is goes on alone."""
    allowance, done = Allowance(100), list[int]()
    gates = [asyncio.Event() for _ in range(4)]

    async def work(number: int, size: int) -> None:
        async with allowance.take(size):
            done.append(number)
            await gates[number].wait()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for number, size in enumerate((60, 500, 1, 1)):
            group.create_task(work(number, size))
        await _settle()
        assert done == [0]
        gates[0].set()
        await _settle()
        assert done == [0, 1]
        gates[1].set()
        await _settle()
        assert done == [0, 1, 2, 3]
        for gate in gates:
            gate.set()


async def test_who_gives_up_takes_no_room() -> None:
    """Waiting for room can be given up, and so can work; what was taken is free for others."""
    allowance = Allowance(10)

    async def work() -> None:
        async with allowance.take(10):
            await asyncio.Event().wait()

    working, waiting = (asyncio.create_task(work()) for _ in range(2))
    await _settle()
    waiting.cancel()
    working.cancel()
    await asyncio.wait([working, waiting])
    async with asyncio.timeout(10), allowance.take(10):
        pass


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
