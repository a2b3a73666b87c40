"""Syslog, GELF and JSON lines from the programs that people have, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import shutil
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pygelf
import pytest

from pylogtap.text.parser import PART
from tests.support.plugs import send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ports import Opened

RSYSLOGD = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin:/bin")
LOGGER = shutil.which("logger")
KINDS = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


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


@pytest.mark.parametrize(("kind", "compress"), [("udp", True), ("udp", False), ("tcp", False)])
async def test_pygelf_is_understood(opened: Opened, kind: str, compress: bool) -> None:
    """GELF from a library, plain and compressed, over UDP also in parts; over TCP it is never compressed."""
    large = "x" * 20_000

    def work() -> None:
        whole = {"include_extra_fields": True, "debug": True}  # with the place in the code
        if kind == "udp":
            handler: Any = pygelf.GelfUdpHandler("127.0.0.1", opened.lines, compress=compress, **whole)
        else:
            handler = pygelf.GelfTcpHandler("127.0.0.1", opened.lines, **whole)

        def log(logger: logging.Logger) -> None:
            fail(logger)
            logger.info(large)

        log_through(handler, log)

    await asyncio.to_thread(work)
    looked, low, failed, long = await opened.wait(4)
    assert [log.level for log in (looked, low, failed, long)] == ["debug", "warning", "error", "info"]
    assert (low.message, low.attributes["article"], low.logger) == ("low stock of tea", "tea", "shop.cart")
    assert low.instance == socket.gethostname()
    assert low.source.file == "test_lines.py"
    assert low.source.function == "fail"
    assert low.source.line
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
