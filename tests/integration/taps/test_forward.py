"""Fluent Forward from the programs that people have: acknowledged means stored."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
import zstandard
from fluent import asynchandler, handler, sender

from pylogtap_collector.access.visitor import local
from pylogtap_collector.models import KeyIn
from tests.support.fluent import Client
from tests.support.ports import opened_ports

if TYPE_CHECKING:
    from tests.support.ports import Opened


def alone(name: str) -> logging.Logger:
    """Return a logger that no handler of the test run hears."""
    return logging.Logger(name)  # noqa: LOG001 - that is what it is for


async def test_fluent_logger_is_understood(opened: Opened) -> None:
    """Its sender, with whole seconds and with nanoseconds, its handler with and without a formatter."""

    def work() -> None:
        plain = sender.FluentSender("shop.cart", "127.0.0.1", opened.forward)
        assert plain.emit(None, {"message": "whole seconds", "level": "warning", "article": "tea"})
        assert plain.emit_with_time(None, 1_700_000_000, {"message": "at a time"})
        plain.close()
        exact = sender.FluentSender("shop.cart.one", "127.0.0.1", opened.forward, nanosecond_precision=True)
        assert exact.emit_with_time(None, 1_700_000_000.123456789, {"message": "nanoseconds"})
        exact.close()
        logger = alone("shop.api")
        strings = handler.FluentHandler("shop.api", "127.0.0.1", opened.forward)
        logger.addHandler(strings)
        logger.error("no formatter: %s", "a string")
        strings.close()
        logger = alone("shop.api")
        records = handler.FluentHandler("shop.api", "127.0.0.1", opened.forward)
        records.setFormatter(
            handler.FluentRecordFormatter(
                {"host": "%(hostname)s", "level": "%(levelname)s", "logger": "%(name)s"},
            )
        )
        logger.addHandler(records)
        logger.critical("with a formatter")
        records.close()

    await asyncio.to_thread(work)
    found = {log.message: log for log in await opened.wait(5)}
    whole, exact = found["whole seconds"], found["nanoseconds"]
    assert (whole.project, whole.service, whole.instance) == ("shop", "cart", "127.0.0.1")
    assert (whole.level, whole.attributes) == ("warning", {"article": "tea"})
    assert abs(datetime.now(UTC) - whole.time) < timedelta(minutes=1)
    assert found["at a time"].time == datetime.fromtimestamp(1_700_000_000, UTC)
    assert exact.instance == "one"
    assert exact.time == datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(microseconds=123_456)
    assert found["no formatter: a string"].service == "api"
    formatted = found["with a formatter"]
    assert (formatted.level, formatted.logger) == ("critical", "shop.api")
    assert formatted.instance == socket.gethostname()


async def test_its_asynchronous_sender_too(opened: Opened) -> None:
    """A thread of its own sends from a queue; nothing is left in it after `close`."""

    def work() -> None:
        logger = alone("shop.api")
        queue = asynchandler.FluentHandler("shop.api", "127.0.0.1", opened.forward)
        queue.setFormatter(handler.FluentRecordFormatter())
        logger.addHandler(queue)
        for number in range(1_000):
            logger.info("number %d", number)
        queue.close()

    await asyncio.to_thread(work)
    logs = await opened.wait(1_000)
    assert [log.message for log in logs] == [f"number {n}" for n in range(1_000)]


def forms(when: Any) -> list[tuple[list[Any], dict[str, Any]]]:
    """Return one message of each form, with one event each, and its options."""
    event = [when, {"message": "hello", "n": 1}]
    packed = msgpack.packb(event)
    return [
        (["shop.web", *event], {}),
        (["shop.web", [event]], {}),
        (["shop.web", [[[when, {"meta": 1}], event[1]]]], {"size": 1}),
        (["shop.web", packed], {"size": 1}),
        (["shop.web", gzip.compress(packed)], {"compressed": "gzip"}),
        (["shop.web", gzip.compress(packed) + gzip.compress(packed)], {"compressed": "gzip"}),
        (["shop.web", zstandard.compress(packed)], {"compressed": "zstd"}),
    ]


@pytest.mark.parametrize(
    "when",
    [
        1_700_000_000,
        1_700_000_000.0,
        msgpack.ExtType(0, (1_700_000_000).to_bytes(4) + bytes(4)),
    ],
    ids=["int", "float", "EventTime"],
)
async def test_every_form_is_taken_and_acknowledged(opened: Opened, when: Any) -> None:
    """Message, Forward, packed, compressed; each is stored when its acknowledgement comes."""

    def work() -> None:
        client = Client(opened.forward)
        with client.plug:
            for number, (message, options) in enumerate(forms(when)):
                chunk = f"chunk {number}"
                client.say([*message, {**options, "chunk": chunk}])
                assert client.hear() == {"ack": chunk}
            packed = msgpack.packb([when, {"message": "hello", "n": 1}])
            old = b"\x93" + msgpack.packb("shop.web") + bytes([0xA0 + len(packed)]) + packed  # a str of bytes
            client.plug.sendall(old + msgpack.packb({"chunk": "old"}))
            assert client.hear() == {"ack": "old"}

    await asyncio.to_thread(work)
    logs = await opened.logs()
    assert len(logs) == 9
    assert {(log.project, log.service, log.message) for log in logs} == {("shop", "web", "hello")}
    assert {log.time for log in logs} == {datetime.fromtimestamp(1_700_000_000, UTC)}
    assert all(log.attributes == {"n": 1} for log in logs)


async def test_a_chunk_that_comes_again_is_stored_once(opened: Opened) -> None:
    """A sender that missed the acknowledgement sends again; it gets one, and no record is there twice."""
    event = [1_700_000_000, {"message": "once"}]

    def work() -> None:
        for _ in range(3):
            client = Client(opened.forward)
            with client.plug:
                client.say(["shop.web", [event] * 6_000, {"chunk": "p8n9gmxTQVC8/nh2wlKKeQ=="}])
                assert client.hear() == {"ack": "p8n9gmxTQVC8/nh2wlKKeQ=="}

    await asyncio.to_thread(work)
    assert len(await opened.logs()) == 6_000


async def test_a_bad_event_spoils_no_other(opened: Opened) -> None:
    """It is left out and counted; the message is acknowledged, for it would come again for ever."""
    good = msgpack.packb([1_700_000_000, {"message": "good"}])
    bad = [
        msgpack.packb([1, 2]),
        msgpack.packb("text"),
        b"\x92\x00\x81\xa7message\xd4\xff\x00",  # a time of msgpack that is none
        b"\x92\x00" + b"\x91" * 2_000 + b"\xc0",
        b"\xc1",
    ]

    def work() -> None:
        client = Client(opened.forward)
        with client.plug:
            for each in bad:
                client.say(["shop.web", good + each + good, {"chunk": "x" + each.hex()}])
                assert "ack" in client.hear()

    await asyncio.to_thread(work)
    logs = await opened.logs()
    assert [log.message for log in logs] == ["good"] * (2 * len(bad) - 1)  # behind 0xc1 nothing can be read
    assert opened.tally.skipped == len(bad)


async def test_the_shared_key_is_proved_by_both_sides() -> None:
    """HELO, PING, PONG with SHA-512; a wrong one and user names are refused with the reason."""

    def shake(port: int, key: str, user: str = "") -> tuple[Any, Client]:
        client = Client(port)
        kind, options = client.hear()
        assert (kind, options["auth"], options["keepalive"]) == ("HELO", "", True)
        salt, nonce = os.urandom(16), options["nonce"]
        digest = hashlib.sha512(salt + b"me" + nonce + key.encode()).hexdigest()
        client.plug.sendall(msgpack.packb(["PING", "me", salt, digest, user, ""], use_bin_type=False))
        pong = client.hear()
        if pong[1]:
            expected = hashlib.sha512(salt + pong[3].encode() + nonce + key.encode()).hexdigest()
            assert pong[4] == expected
        return pong, client

    def work(port: int) -> None:
        pong, client = shake(port, "the shared key")
        assert pong[:3] == ["PONG", True, ""]
        client.say(["shop.web", 1_700_000_000, {"message": "hello"}, {"chunk": "a"}])
        assert client.hear() == {"ack": "a"}
        client.plug.close()
        for pong, client in (shake(port, "another key"), shake(port, "the shared key", "ann")):
            assert pong[1] is False
            assert pong[2]
            assert client.hear() is None
            client.plug.close()
        client = Client(port)
        client.hear()
        client.say(["shop.web", 1_700_000_000, {"message": "without"}])
        assert client.hear()[:2] == ["PONG", False]
        client.plug.close()

    async with opened_ports(forward_shared_key="the shared key") as opened:
        await asyncio.to_thread(work, opened.forward)
        assert [log.message for log in await opened.wait(1)] == ["hello"]
        assert opened.tally.turned_away == 3


async def test_who_begins_without_the_handshake_is_told_of_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """fluent-logger knows none, and reads no answer: the log says once what to do."""

    def work(port: int) -> None:
        for _ in range(3):
            plain = sender.FluentSender("shop.cart", "127.0.0.1", port)
            plain.emit(None, {"message": "lost"})
            plain.close()

    async with opened_ports(forward_shared_key="the shared key") as opened:
        await asyncio.to_thread(work, opened.forward)
        await opened.until(lambda: opened.tally.turned_away == 3)
    (told,) = (text for text in caplog.messages if "without the handshake" in text)
    assert "PYLOGTAP_COLLECTOR_FORWARD_SHARED_KEY" in told
    assert "PYLOGTAP_COLLECTOR_TAP_NETWORKS" in told


async def test_a_key_may_stand_in_the_record() -> None:
    """Once there is a key, senders on this machine need one; it is not stored, and good for its project."""
    async with opened_ports() as opened:
        keys = opened.collector.services.keys
        key = (await keys.create(KeyIn(name="shop", role="ingest", project="shop"), local())).secret

        def work() -> None:
            refused = Client(opened.forward)
            with refused.plug:
                refused.say(["x", 1_700_000_000, {"message": "no key"}, {"chunk": "a"}])
                assert refused.hear() is None
            client = Client(opened.forward)
            with client.plug:
                client.say(["x", 1_700_000_000, {"message": "key", "pylogtap_key": key}, {"chunk": "a"}])
                assert client.hear() == {"ack": "a"}
                client.say(["other.web", 1_700_000_000, {"message": "foreign"}, {"chunk": "b"}])
                assert client.hear() == {"ack": "b"}

        await asyncio.to_thread(work)
        (log,) = await opened.wait(1)
        assert (log.project, log.message) == ("shop", "key")
        assert key not in log.model_dump_json()
        assert (opened.tally.refused, opened.tally.turned_away) == (1, 1)


async def test_json_is_answered_by_json(opened: Opened) -> None:
    """A sender may speak JSON instead of msgpack."""

    def work() -> bytes:
        with socket.create_connection(("127.0.0.1", opened.forward)) as plug:
            plug.sendall(b'["shop.web", 1700000000, {"message": "json"}, {"chunk": "a"}]')
            return plug.recv(100)

    assert await asyncio.to_thread(work) == b'{"ack": "a"}'
    assert [log.message for log in await opened.logs()] == ["json"]
