"""Turns on the event loop: who is many goes on one after the other, and everybody else in between."""

from __future__ import annotations

import asyncio

from pylogtap_collector.turns import Turns


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
