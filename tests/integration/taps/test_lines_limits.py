"""Who may deliver to the port for lines, what is refused, and what is lost: nothing without being counted."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import Overloaded
from pylogtap_collector.models import KeyIn
from pylogtap_collector.ports import connections
from tests.support.plugs import send, send_datagrams
from tests.support.ports import opened_ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.services.intake import Taken
    from pylogtap_collector.taps.entries import Entry
    from tests.support.ports import Opened


async def test_who_may_not_deliver_is_told_why() -> None:
    """Once there is a key, programs on this machine have to show one; UDP is dropped and counted."""
    async with opened_ports() as opened:
        created = await opened.collector.services.keys.create(
            KeyIn(name="shop", role="ingest", project="shop"), local()
        )
        read_only = await opened.collector.services.keys.create(
            KeyIn(name="r", role="read", project=None), local()
        )
        answer = await asyncio.to_thread(send, opened.lines, b"<14>anybody\n", pause_s=0.1)
        assert b"pylogtap_key" in answer
        bad = json.dumps({"message": "x", "pylogtap_key": read_only.secret}).encode()
        assert b"not good" in await asyncio.to_thread(send, opened.lines, bad + b"\n")
        good = json.dumps({"message": "json", "pylogtap_key": created.secret}).encode()
        gelf = {"version": "1.1", "host": "h", "short_message": "gelf", "_pylogtap_key": created.secret}
        syslog = f'<14>1 - h api - - [pylogtap@32473 key="{created.secret}"] syslog'.encode()
        assert await asyncio.to_thread(send, opened.lines, good + b"\n<14>same connection\n") == b""
        foreign = {"message": "x", "project": "other", "pylogtap_key": created.secret}
        send_datagrams(
            opened.lines, b"<14>anybody", json.dumps(gelf).encode(), syslog, json.dumps(foreign).encode()
        )
        logs = await opened.wait(4)
        await opened.until(lambda: opened.tally.refused and opened.tally.turned_away >= 3)
        assert sorted(log.message for log in logs) == ["gelf", "json", "same connection", "syslog"]
        assert {log.project for log in logs} == {"shop"}
        assert not any(created.secret in log.model_dump_json() for log in logs)


async def test_a_network_that_is_named_needs_no_key() -> None:
    """`tap_networks` lets its peers in although everybody else has to show a key."""
    async with opened_ports(key="a key of the environment", tap_networks="127.0.0.0/8") as opened:
        await asyncio.to_thread(send, opened.lines, b"<14>welcome\n")
        send_datagrams(opened.lines, b"<14>welcome")
        assert [log.message for log in await opened.wait(2)] == ["welcome", "welcome"]


class FullDisk:
    """Stands before an intake, and says for a while that there is no room."""

    def __init__(self, opened: Opened) -> None:
        self.full = True
        self.asked = 0
        self._take = opened.collector.services.intake.take
        self.marks = opened.collector.services.intake.marks
        opened.ports._courier._intake = self

    async def take(self, entries: Sequence[Entry], visitor: Visitor, **options: Any) -> Taken:
        """Refuse, or store."""
        self.asked += 1
        if self.full:
            raise Overloaded("The disk is full.", 0.01)
        return await self._take(entries, visitor, **options)


async def test_over_tcp_senders_wait_while_there_is_no_room(opened: Opened) -> None:
    """No more is read meanwhile, and nothing is lost."""
    disk = FullDisk(opened)
    count = 3_000
    data = b"".join(b"<14>1 - h api - - - number %d %s\n" % (n, b"x" * 8_000) for n in range(count))
    sending = asyncio.create_task(asyncio.to_thread(send, opened.lines, data))
    await opened.until(lambda: disk.asked >= 3)
    assert not sending.done()
    disk.full = False
    await sending
    logs = await opened.wait(count)
    assert [int(log.message.split()[1]) for log in logs] == list(range(count))


async def test_over_udp_what_has_no_room_is_counted(opened: Opened) -> None:
    """The newest are dropped, and a record tells how many."""
    disk = FullDisk(opened)
    opened.ports._datagrams._max = 10_000
    for number in range(200):
        send_datagrams(opened.lines, b"<14>number %d" % number)
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    disk.full = False
    (told,) = await opened.wait(1, "service:lines level:warning")
    kept = await opened.logs("number")
    assert told.attributes["lost"]["queue"] == 200 - len(kept)
    assert opened.tally.lost == 200 - len(kept)
    assert kept[0].message == "number 0"


async def test_a_stop_stores_what_was_read() -> None:
    """Also the record whose next line may have been to come, and the datagram that nobody looked at yet."""
    async with opened_ports() as opened:
        with closing(socket.create_connection(("127.0.0.1", opened.lines))) as plug:
            plug.sendall(b"INFO:root:one\nINFO:root:two\n<14>three\nhalf")
            await opened.until(lambda: opened.tally.connections)
            send_datagrams(opened.lines, b"<14>four")
            await opened.ports.stop()
            assert plug.recv(10) == b""
        found = {log.message for log in await opened.logs()}
        assert found == {"one", "two", "three\nhalf", "four"}


async def test_limits_of_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at a time; one that stops in the middle of a message is closed, and what came of it is kept."""
    monkeypatch.setattr(connections, "HALF_S", 0.3)
    async with opened_ports() as opened:
        opened.ports._lines._max = 2
        plugs = [socket.create_connection(("127.0.0.1", opened.lines)) for _ in range(3)]
        try:
            await opened.until(lambda: opened.tally.turned_away)
            plugs[0].sendall(b"half a line")
            (log,) = await opened.wait(1)
            assert log.message == "half a line"
            assert await asyncio.to_thread(plugs[0].recv, 10) == b""
            plugs[1].sendall(b"whole\n")
            assert len(await opened.wait(2)) == 2
        finally:
            for plug in plugs:
                plug.close()
