"""Messages of syslog, as the RFCs show them and as programs send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.taps.syslog import entry_of_syslog, read_syslog
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.taps.entries import Entry

DEFAULT = Place("shop", "lines", "10.0.0.1")
NOW = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp()) * 10**9


def understood(data: bytes, now_ns: int = NOW) -> Entry:
    """Return what a message means."""
    return entry_of_syslog(read_syslog(data, now_ns), DEFAULT, now_ns)


def ns(text: str) -> int:
    """Return a time in ns since the epoch."""
    moment = datetime.fromisoformat(text)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1_000


def test_the_first_example_of_rfc_5424() -> None:
    """Section 6.5, example 1: no structured data, a byte order mark before the message."""
    entry = understood(
        b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed"
    )
    assert entry.place == Place("shop", "su", "mymachine.example.com")
    assert entry.message == "'su root' failed"
    assert entry.time_ns == ns("2003-10-11T22:14:15.003+00:00")
    assert (entry.level, entry.severity, entry.pid) == ("critical", 21, None)
    assert entry.fields == {"facility": "auth", "msgid": "ID47"}


def test_structured_data_is_unescaped_and_given_by_element() -> None:
    """Section 6.3: quotes, backslashes and `]` are escaped in values; other backslashes stay."""
    entry = understood(
        b'<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 app proc-9 - [a@1 x="1" y="q\\"b\\\\s\\]e\\n"]'
        b'[b@2][c@3 z="\xc3\xa4"] hello'
    )
    assert entry.message == "hello"
    assert entry.time_ns == ns("2003-08-24T12:14:15.000003+00:00")
    assert entry.fields == {
        "facility": "local4",
        "procid": "proc-9",
        "a@1": {"x": "1", "y": 'q"b\\s]e\\n'},
        "b@2": {},
        "c@3": {"z": "ä"},
    }


def test_nothing_need_be_said() -> None:
    """All parts may be nil: the time is when it came, the place is the default."""
    entry = understood(b"<165>1 - - - - - -")
    assert (entry.place, entry.message, entry.time_ns) == (DEFAULT, "", None)


def test_trace_ids_come_in_an_element_of_their_own() -> None:
    """OpenTelemetry's document on log formats names the element and its parameters."""
    entry = understood(
        b'<14>1 - - - - - [opentelemetry trace_id="102981abcd2901" span_id="abcdef1010"]'
        b'[x y="z"] short ids are none'
    )
    assert (entry.trace_id, entry.span_id) == (None, None)
    entry = understood(
        b'<14>1 - - - - - [opentelemetry trace_id="0af7651916cd43dd8448eb211c80319c" '
        b'span_id="b7ad6b7169203331"] here'
    )
    assert (entry.trace_id, entry.span_id) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert entry.message == "here"


def test_a_key_is_shown_and_not_kept() -> None:
    """The element `pylogtap@32473` is taken out before anything is stored."""
    message = read_syslog(b'<14>1 - - - - - [pylogtap@32473 key="plt_secret"] hello', NOW)
    assert message.take_key() == "plt_secret"
    assert "secret" not in repr(entry_of_syslog(message, DEFAULT, NOW))


def test_the_levels_are_those_of_a_line_of_syslog() -> None:
    """In `pylogtap pipe` and here, so that `level:critical` finds all that is called so."""
    levels = [understood(b"<%d>x: y" % severity) for severity in range(8)]
    assert [(each.level, each.severity) for each in levels] == [
        ("emergency", 24), ("alert", 22), ("critical", 21), ("error", 17),
        ("warning", 13), ("notice", 10), ("info", 9), ("debug", 5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "service", "instance", "pid", "message"),
    [
        (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed", "su", "mymachine", None, "'su root' failed"),
        (b"<13>Jan  5 09:00:01 web7 cart[12]: hi: there", "cart", "web7", 12, "hi: there"),
        (b"<13>Jan  5 09:00:01 cart: no host", "cart", "10.0.0.1", None, "no host"),
        (b"<13>Jan  5 09:00:01 web7 just words", "lines", "web7", None, "just words"),
        (b"<30>2026-01-05T09:00:01+00:00 web7 docker/ab[7]: out", "docker-ab", "web7", 7, "out"),
        (
            b"<14>cart: an ident of Python's handler\0",
            "cart",
            "10.0.0.1",
            None,
            "an ident of Python's handler",
        ),
        (b"<14>error: is no program", "lines", "10.0.0.1", None, "error: is no program"),
        (b"<14>cart[99]: no time", "cart", "10.0.0.1", 99, "no time"),
    ],
)
def test_the_old_format(data: bytes, service: str, instance: str, pid: int | None, message: str) -> None:
    """RFC 3164 tells what is usual, not what has to be: any part may be missing."""
    entry = understood(data)
    assert (entry.place, entry.pid, entry.message) == (Place("shop", service, instance), pid, message)


def test_a_time_without_a_year_is_the_nearest_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """In January, a message of December is of last year, and one of today of this one."""
    december, january = understood(b"<34>Dec 31 23:59:59 h a: x"), understood(b"<34>Jan 14 12:00:00 h a: x")
    assert december.time_ns is not None
    assert january.time_ns is not None
    assert datetime.fromtimestamp(december.time_ns / 1e9).astimezone().year == 2025
    assert datetime.fromtimestamp(january.time_ns / 1e9).astimezone().year == 2026


@pytest.mark.parametrize("data", [b"<999>x", b"<>x", b"<1", b"< 13>x", b"plain", b"\xff\xfe", b""])
def test_what_is_no_syslog_is_text(data: bytes) -> None:
    """It is kept as it is, with the priority of section 4.3.3."""
    entry = understood(data)
    assert entry.message == data.decode("utf-8", "backslashreplace")
    assert entry.level == "notice"


def test_what_a_program_says_itself_counts_more() -> None:
    """Engines of containers send one priority for all; JSON and our prefix say how bad it is."""
    entry = understood(b'<30>Jan  5 09:00:01 web7 cart[1]: {"level": "error", "msg": "bad", "n": 1}')
    assert (entry.level, entry.message, entry.fields["n"]) == ("error", "bad", 1)
    entry = understood(b"<30>Jan  5 09:00:01 web7 cart[1]: [shop/api/two] ERROR:root:bad")
    assert (entry.place, entry.level, entry.message) == (Place("shop", "api", "two"), "error", "bad")


def test_a_traceback_is_an_exception() -> None:
    """A message may have several lines."""
    entry = understood(
        b'<11>cart: no tea\nTraceback (most recent call last):\n  File "x", line 1\nValueError: bad'
    )
    assert entry.message == "no tea"
    assert entry.exception is not None
    assert (entry.exception["type"], entry.exception["message"]) == ("ValueError", "bad")
    assert entry.exception["stacktrace"].startswith("Traceback")


@pytest.mark.parametrize(
    "header",
    [
        b"<%d>1 2026-01-05T09:00:01Z box 0123456789ab 7 0123456789ab - ",
        b"<%d>Jan  5 09:00:01 box 0123456789ab[7]: ",
        b"<%d>Jan  5 09:00:01 0123456789ab[7]: ",
    ],
    ids=["rfc5424", "rfc3164", "without-host"],
)
def test_the_level_of_a_containers_line_counts_more_than_its_stream(header: bytes) -> None:
    """Docker's driver sends one severity for each stream, and the id of the container as program."""
    for severity, line, level in (
        (30, b"level=warn msg=slow", "warning"),
        (27, b'{"level": "debug", "msg": "probe"}', "debug"),
        (30, b"ERROR: no answer", "error"),
        (27, b"plain", "error"),
    ):
        entry = understood(header % severity + line)
        assert entry.level == level
        assert entry.fields == {"facility": "daemon", "container.id": "0123456789ab"}
    assert understood(b"<30>Jan  5 09:00:01 box cart[7]: level=warn msg=slow").level == "info"
