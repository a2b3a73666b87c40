"""Syslog, GELF and JSON lines from the programs that people have, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.handlers
import shutil
import socket
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import graypy
import pytest

from pylogtap.text.parser import PART
from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import Overloaded
from pylogtap_collector.models import KeyIn
from pylogtap_collector.ports import connections
from tests.support.ports import opened_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.services.intake import Taken
    from pylogtap_collector.taps.entries import Entry
    from tests.support.ports import Opened

RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin:/bin")
LOGGER = shutil.which("logger")
KINDS = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


def send(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send parts over a TCP connection, say that this is all, and return what was answered."""
    with socket.create_connection(("127.0.0.1", port)) as plug:
        for part in parts:
            plug.sendall(part)
            time.sleep(pause_s)
        plug.shutdown(socket.SHUT_WR)
        answer = b""
        while data := plug.recv(4096):
            answer += data
        return answer


def datagrams(port: int, *parts: bytes) -> None:
    """Send datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        for part in parts:
            plug.sendto(part, ("127.0.0.1", port))


def log_through(handler: logging.Handler, log: Callable[[logging.Logger], None]) -> None:
    """Log through a handler alone, and close it."""
    logger = logging.Logger("shop.cart", logging.DEBUG)  # noqa: LOG001 - no handler of the test run hears it
    logger.addHandler(handler)
    log(logger)
    handler.close()


def fail(logger: logging.Logger) -> None:
    """Log each level, and an exception."""
    logger.debug("looked at %d articles", 3)
    logger.warning("low stock of %s", "tea", extra={"article": "tea"})
    try:
        raise ValueError("no such article")
    except ValueError:
        logger.exception("cannot order")


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_handlers_of_python_are_understood(opened: Opened, kind: str) -> None:
    """SysLogHandler: NUL at the end, no time, a traceback within the message."""

    def work() -> None:
        handler = logging.handlers.SysLogHandler(
            ("127.0.0.1", opened.lines), facility="local3", socktype=KINDS[kind]
        )
        handler.ident = "cart: "
        log_through(handler, fail)

    await asyncio.to_thread(work)
    looked, low, failed = await opened.wait(3)
    assert [log.level for log in (looked, low, failed)] == ["debug", "warning", "error"]
    assert [log.severity_number for log in (looked, low, failed)] == [5, 13, 17]
    assert (low.project, low.service, low.instance) == ("default", "cart", "127.0.0.1")
    assert low.message == "low stock of tea"
    assert low.attributes["facility"] == "local3"
    assert failed.message == "cannot order"
    assert failed.exception is not None
    assert (failed.exception.type, failed.exception.message) == ("ValueError", "no such article")
    assert "in fail" in (failed.exception.stacktrace or "")
    assert abs(datetime.now(UTC) - low.time) < timedelta(minutes=1)


@pytest.mark.parametrize("kind", ["udp", "tcp"])
@pytest.mark.parametrize("form", ["--rfc5424", "--rfc3164"])
async def test_logger_of_the_shell_is_understood(opened: Opened, kind: str, form: str) -> None:
    """logger(1) of util-linux, new and old format, with structured data where the format has it."""
    if LOGGER is None:
        pytest.skip("there is no logger(1) here: apt-get install bsdutils")
    data = ["--sd-id", "shop@32473", "--sd-param", 'basket="4711"', "--msgid", "ORDER"]
    command = [
        LOGGER, form, f"--{kind}", "--server", "127.0.0.1", "--port", str(opened.lines), "--tag", "cart",
        "--id=77", "--priority", "local1.err", *(data if form == "--rfc5424" else []), "cannot order tea",
    ]  # fmt: skip
    await asyncio.to_thread(subprocess.run, command, check=True)
    (log,) = await opened.wait(1)
    assert (log.message, log.level, log.service, log.process.pid) == ("cannot order tea", "error", "cart", 77)
    assert log.instance == socket.gethostname()
    assert log.attributes["facility"] == "local1"
    assert abs(datetime.now(UTC) - log.time) < timedelta(minutes=1)
    if form == "--rfc5424":
        assert log.attributes["shop@32473"] == {"basket": "4711"}
        assert log.attributes["msgid"] == "ORDER"


@pytest.mark.parametrize("framing", ["traditional", "octet-counted"])
async def test_rsyslog_forwards_here(opened: Opened, tmp_path: Path, framing: str) -> None:
    """A real rsyslogd with omfwd over TCP, in both framings."""
    if RSYSLOGD is None:
        pytest.skip("there is no rsyslogd here: apt-get install rsyslog")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        inward = free.getsockname()[1]
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        f"""global(workDirectory="{tmp_path}")
module(load="imtcp")
input(type="imtcp" port="{inward}" address="127.0.0.1")
action(type="omfwd" target="127.0.0.1" port="{opened.lines}" protocol="tcp"
       template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="{framing}" action.resumeRetryCount="-1")
"""
    )
    command = [RSYSLOGD, "-n", "-f", str(config), "-i", str(tmp_path / "pid"), "-C"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        await _await_port(inward)
        now = datetime.now(UTC).isoformat()
        lines = [f"<131>1 {now} web7 cart {n} - - order {n}\n".encode() for n in range(50)]
        await asyncio.to_thread(send, inward, *lines)
        logs = await opened.wait(50)
    finally:
        process.terminate()
        await process.wait()
    assert sorted(log.message for log in logs) == sorted(f"order {n}" for n in range(50))
    assert {(log.service, log.instance, log.level) for log in logs} == {("cart", "web7", "error")}
    assert {log.process.pid for log in logs} == set(range(50))


async def _await_port(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_graypy_is_understood(opened: Opened, kind: str, compress: bool) -> None:
    """GELF from a library, plain and compressed, over UDP also in parts."""
    if kind == "tcp" and compress:
        pytest.skip("graypy does not compress over TCP, as GELF asks")
    large = "x" * 20_000

    def work() -> None:
        if kind == "udp":
            handler: Any = graypy.GELFUDPHandler("127.0.0.1", opened.lines, compress=compress)
        else:
            handler = graypy.GELFTCPHandler("127.0.0.1", opened.lines)

        def log(logger: logging.Logger) -> None:
            fail(logger)
            logger.info(large)

        log_through(handler, log)

    await asyncio.to_thread(work)
    looked, low, failed, long = await opened.wait(4)
    assert [log.level for log in (looked, low, failed, long)] == ["debug", "warning", "error", "info"]
    assert (low.message, low.attributes["article"], low.logger) == ("low stock of tea", "tea", "shop.cart")
    assert low.instance == socket.gethostname()
    assert low.source.file == __file__
    assert low.source.function == "fail"
    assert low.source.line
    assert low.process.pid
    assert failed.exception is not None
    assert (failed.exception.type, failed.exception.message) == ("ValueError", "no such article")
    assert long.message == large
    assert abs(datetime.now(UTC) - low.time) < timedelta(minutes=1)


async def test_one_connection_may_speak_everything(opened: Opened) -> None:
    """JSON lines, syslog in all framings, GELF and text after each other; a byte at a time as well."""
    counted = b"<14>1 2026-01-02T03:04:05Z web7 api 12 - - counted\nlines"
    mixed = (
        b'{"@timestamp":"2026-01-02T03:04:05.678Z","level":"WARN","message":"low","service":"cart","n":1}\n'
        b"<14>1 2026-01-02T03:04:05Z web7 api 12 - - ready\n"
        + b"%d %b"
        % (len(counted), counted)
        + b'{"version":"1.1","host":"web8","short_message":"gelf","level":3,"_user":"ann"}\0'
        b"2026-01-02 03:04:05,678 ERROR shop.cart: from text\n"
        b"[shop/web/one] WARNING:root:with a prefix\n"
    )
    for parts in ([mixed], [mixed[at : at + 1] for at in range(len(mixed))]):
        await asyncio.to_thread(send, opened.lines, *parts)
    logs = await opened.wait(12)
    assert len(logs) == 12
    for message in ("low", "ready", "counted\nlines", "gelf", "from text", "with a prefix"):
        first, second = (log for log in logs if log.message == message)
        assert first.model_dump(exclude={"id", "received", "time"}) == second.model_dump(
            exclude={"id", "received", "time"}
        )
    found = {log.message: log for log in logs}
    assert found["low"].attributes == {"n": 1}
    assert found["low"].time == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert (found["gelf"].instance, found["gelf"].attributes, found["gelf"].level) == (
        "web8",
        {"user": "ann"},
        "error",
    )
    prefixed = found["with a prefix"]
    assert (prefixed.project, prefixed.service, prefixed.instance) == ("shop", "web", "one")


async def test_a_traceback_over_a_raw_connection_is_one_record(opened: Opened) -> None:
    """Output of a program that is piped into the port is understood as `pylogtap pipe` would."""
    text = (
        b"INFO:root:begin\nERROR:root:it failed\nTraceback (most recent call last):\n"
        b'  File "shop.py", line 1, in <module>\nKeyError: 1\n'
    )
    await asyncio.to_thread(send, opened.lines, text)
    begun, failed = await opened.wait(2)
    assert (begun.message, failed.message) == ("begin", "it failed")
    assert failed.exception is not None
    assert failed.exception.type == "KeyError"


async def test_a_line_that_is_too_long_comes_in_parts(opened: Opened) -> None:
    """Nothing of it is lost, and each part knows where it belongs."""
    text = "ä" * 300_000
    await asyncio.to_thread(send, opened.lines, f"<11>1 - web7 api - - - {text}\n<14>after\n".encode())
    *parts, after = await opened.wait(5)
    assert after.message == "after"
    assert "".join(log.message for log in parts) == text
    assert [log.attributes[PART] for log in parts] == [1, 2, 3, 4]
    assert {(log.service, log.instance, log.level) for log in parts} == {("api", "web7", "error")}


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
        datagrams(
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
        datagrams(opened.lines, b"<14>welcome")
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
        datagrams(opened.lines, b"<14>number %d" % number)
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
            datagrams(opened.lines, b"<14>four")
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
