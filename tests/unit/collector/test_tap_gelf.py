"""GELF: messages, and the parts in which UDP brings them."""

from __future__ import annotations

import gzip
import zlib

import pytest

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import Source
from pylogtap_collector.taps.gelf import MAGIC, Assembler, entry_of_gelf, is_gelf, unpack
from pylogtap_collector.wire import Place

DEFAULT = Place("shop", "lines", "10.0.0.1")
NOW = 1_767_225_600 * 10**9
SECOND = 10**9


def parts(message: bytes, size: int, identity: bytes = b"8 bytes.") -> list[bytes]:
    """Return a message as datagrams."""
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return [MAGIC + identity + bytes([number, len(pieces)]) + piece for number, piece in enumerate(pieces)]


def test_the_example_of_the_specification() -> None:
    """Every member is where people look for it."""
    values = {
        "version": "1.1",
        "host": "example.org",
        "short_message": "A short message that helps you identify what is going on",
        "full_message": "Backtrace here\n\nmore stuff",
        "timestamp": 1385053862.3072,
        "level": 1,
        "_user_id": 9001,
        "_some_info": "foo",
    }
    entry = entry_of_gelf(values, DEFAULT, NOW)
    assert is_gelf(values)
    assert entry.place == Place("shop", "lines", "example.org")
    assert entry.message == values["short_message"]
    assert (entry.level, entry.severity) == ("alert", 22)
    assert entry.time_ns == 1_385_053_862_307_200_000
    assert entry.fields == {
        "user_id": 9001,
        "some_info": "foo",
        "full_message": "Backtrace here\n\nmore stuff",
    }


def test_a_traceback_becomes_the_exception() -> None:
    """`full_message` is where libraries put it."""
    stack = 'Traceback (most recent call last):\n  File "x", line 1\nValueError: bad\n'
    entry = entry_of_gelf({"short_message": "no", "full_message": stack, "version": "1.1"}, DEFAULT, NOW)
    assert entry.exception is not None
    assert (entry.exception["type"], entry.exception["message"]) == ("ValueError", "bad")
    assert "full_message" not in entry.fields


def test_place_source_trace_and_process_are_taken_out() -> None:
    """Additional fields that mean what a record has a place for go there."""
    entry = entry_of_gelf(
        {
            "short_message": "x", "host": "h", "_service": "cart", "_instance": "two", "_project": "mall",
            "_file": "a.py", "_line": 7, "_function": "f", "_pid": 12, "_logger": "mall.cart",
            "_trace_id": "0af7651916cd43dd8448eb211c80319c", "_n": None,
        },
        DEFAULT,
        NOW,
    )  # fmt: skip
    assert entry.place == Place("mall", "cart", "two")
    assert entry.source == Source("a.py", 7, "f")
    assert (entry.pid, entry.logger) == (12, "mall.cart")
    assert entry.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert entry.fields["host"] == "h"


def test_dockers_driver_names_a_container() -> None:
    """Without labels of compose, the container's name is the service; with them, they are."""
    values = {"short_message": "x", "host": "h", "_container_id": "ab", "_container_name": "web-1"}
    assert entry_of_gelf(values, DEFAULT, NOW).place == Place("shop", "web-1", "web-1")
    labels = {"_com.docker.compose.project": "mall", "_com.docker.compose.service": "web"}
    number = {"_com.docker.compose.container-number": "2"}
    entry = entry_of_gelf({**values, **labels, **number}, DEFAULT, NOW)
    assert entry.place == Place("mall", "web", "web-2")


@pytest.mark.parametrize(
    ("level", "name"),
    [(7, "debug"), (0, "emergency"), ("3", "error"), ("WARNING", "warning"), (99, "info"), (None, "info")],
)
def test_levels(level: object, name: str) -> None:
    """Severities of syslog, as number or text; names, too, for some senders use them."""
    assert entry_of_gelf({"short_message": "x", "level": level}, DEFAULT, NOW).level == name


@pytest.mark.parametrize("value", [None, "soon", -1, 0, 1e300, float("nan"), [], "1e400"])
def test_a_time_that_is_none_is_left_out(value: object) -> None:
    """The record has the time at which it came then."""
    assert entry_of_gelf({"short_message": "x", "timestamp": value}, DEFAULT, NOW).time_ns is None


def test_parts_come_in_any_order_and_more_than_once() -> None:
    """Each sender has ids of its own; a part that comes twice counts once."""
    assembler = Assembler(1 << 20)
    message = bytes(range(256)) * 40
    datagrams = parts(message, 1_000)
    for datagram in [*reversed(datagrams[1:]), *datagrams[1:]]:
        assert assembler.take(datagram, "one", 0) is None
        assert assembler.take(datagram, "two", 0) is None
    assert assembler.take(datagrams[0], "one", SECOND) == message
    assert assembler.take(datagrams[0], "two", SECOND) == message
    assert not assembler.waiting


def test_parts_that_wait_too_long_are_dropped() -> None:
    """After 5 s a message is given up, and counted."""
    assembler = Assembler(1 << 20)
    first, second = parts(b"x" * 20, 10)
    assembler.take(first, "one", 0)
    assembler.expire(5 * SECOND)
    assert assembler.waiting
    assembler.expire(5 * SECOND + 1)
    assert (assembler.waiting, assembler.dropped) == (False, 1)
    assert assembler.take(second, "one", 6 * SECOND) is None


def test_parts_that_wait_are_bounded() -> None:
    """The oldest message goes, whoever sends so many."""
    assembler = Assembler(10_000)
    for number in range(1_000):
        datagram = parts(b"x" * 200, 100, number.to_bytes(8))[0]
        assembler.take(datagram, "one", 0)
    assert assembler.dropped > 850
    assert assembler._size <= 10_000


def test_messages_of_which_parts_wait_are_few() -> None:
    """Parts that hold nothing are counted, too: what is known of their messages takes memory."""
    assembler = Assembler(1 << 20)
    for number in range(5_000):
        assembler.take(MAGIC + number.to_bytes(8) + b"\0\2", "one", 0)
    assert len(assembler._waiting) == (1 << 20) // 1024


@pytest.mark.parametrize("line", [-1, 1e300, 2**63])
def test_a_number_that_is_no_line(line: float) -> None:
    """It stays a field beside the file: nobody could store it as a line."""
    entry = entry_of_gelf({"short_message": "x", "_file": "a.py", "_line": line}, DEFAULT, NOW)
    assert entry.source.file is None
    assert entry.fields["file"] == "a.py"


@pytest.mark.parametrize(
    "datagram",
    [
        MAGIC,
        MAGIC + bytes(9),
        MAGIC + bytes(8) + b"\x00\x00",
        MAGIC + bytes(8) + b"\x05\x05",
        MAGIC + b"x" * 8 + b"\0\x81",
    ],
)
def test_numbers_that_cannot_be(datagram: bytes) -> None:
    """A part has a number below how many there are, which are at most 128."""
    with pytest.raises(Undecodable):
        Assembler(1_000).take(datagram, "one", 0)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, bytes])
def test_compressed_messages_are_bounded(compress: object) -> None:
    """What is small enough is decompressed, what is not is refused; damage is, too."""
    assert callable(compress)
    data = b'{"short_message": "x"}' * 100
    assert unpack(compress(data), 10_000) == data
    if compress is not bytes:
        for bad, limit in ((compress(data), 100), (compress(data)[:-5], 10_000)):
            with pytest.raises(Undecodable):
                unpack(bad, limit)


# What Docker's driver says of a container with each line (moby, daemon/logger/gelf/gelf.go).
OF_CONTAINER = {
    "version": "1.1", "host": "box", "timestamp": 1_767_225_600.5, "_command": "python app.py",
    "_container_id": "0123456789ab" + "c" * 52, "_container_name": "web-1", "_image_id": "sha256:" + "d" * 64,
    "_created": "2026-01-01T00:00:00Z", "_image_name": "shop/web:2", "_tag": "0123456789ab",
}  # fmt: skip


@pytest.mark.parametrize(
    ("level", "line", "name", "message"),
    [
        (6, "level=warn msg=slow took=3", "warning", "slow"),
        (3, '{"level": "debug", "msg": "probe"}', "debug", "probe"),
        (6, "ERROR: no answer", "error", "no answer"),
        (3, "plain", "error", "plain"),
        (6, "plain", "info", "plain"),
    ],
)
def test_the_level_of_a_containers_line_counts_more_than_its_stream(
    level: int, line: str, name: str, message: str
) -> None:
    """Docker's driver sends 6 for stdout and 3 for stderr, whatever the line says."""
    entry = entry_of_gelf({**OF_CONTAINER, "short_message": line, "level": level}, DEFAULT, NOW)
    assert (entry.level, entry.message) == (name, message)
    other = entry_of_gelf({"short_message": line, "level": level}, DEFAULT, NOW)
    assert other.level == {3: "error", 6: "info"}[level]


def test_a_container_is_told_as_those_that_are_followed() -> None:
    """By its short id and its image, and by its name where the place does not say it."""
    values = {**OF_CONTAINER, "short_message": "x"}
    known = {"host": "box", "container.id": "0123456789ab", "image": "shop/web:2"}
    assert entry_of_gelf(values, DEFAULT, NOW).fields == known
    labels = {"_com.docker.compose.project": "mall", "_com.docker.compose.service": "web"}
    labels["_com.docker.compose.container-number"] = "2"
    fields = entry_of_gelf({**values, **labels, "_tag": "blue"}, DEFAULT, NOW).fields
    told = {name: value for name, value in fields.items() if not name.startswith("com.docker.")}
    assert told == {**known, "container.name": "web-1", "tag": "blue"}
    named = entry_of_gelf({**values, **labels, "_container_name": "/mall-web-2"}, DEFAULT, NOW)
    assert "container.name" not in named.fields
