"""A traceback of many lines is one record with an exception; what stands around it stays outside."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from pylogtap.prefix import Prefix
from pylogtap.text import LineParser, ParsedRecord

DEFAULT = Prefix("shop", "cart", "one")


def parse(text: str) -> list[ParsedRecord]:
    """Return all records of a text."""
    parser = LineParser(DEFAULT)
    return parser.feed(text) + parser.flush()


def stderr_of(program: str) -> str:
    """Return what a real Python writes to its standard error."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stderr


CHAINED = """
    def pay():
        try:
            {}["order"]
        except KeyError as error:
            try:
                1 / 0
            except ZeroDivisionError:
                raise ValueError("no such order: 17") from error
    pay()
"""
GROUP = """
    try:
        raise ExceptionGroup("two", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
    except ExceptionGroup as group:
        raise RuntimeError("all failed") from group
"""
PLAIN_GROUP = """raise ExceptionGroup("two", [ValueError("a"), TypeError("b")])"""
SYNTAX = """compile("a b", "shop.py", "exec")"""
IN_THREAD = """
    import threading
    thread = threading.Thread(target=lambda: 1 / 0, name="worker")
    thread.start()
    thread.join()
"""
LOGGED = """
    import logging
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("shop.pay").exception("order failed")
    logging.getLogger("shop.pay").error("next")
"""


@pytest.mark.parametrize(
    ("program", "kind", "message"),
    [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        (
            "import json; json.loads('{')",
            "json.decoder.JSONDecodeError",
            "Expecting property name enclosed in",
        ),
        (CHAINED, "ValueError", "no such order: 17"),
        (GROUP, "RuntimeError", "all failed"),
        (PLAIN_GROUP, "ExceptionGroup", "two (2 sub-exceptions)"),
        (SYNTAX, "SyntaxError", "invalid syntax"),
        (IN_THREAD, "ZeroDivisionError", "division by zero"),
    ],
)
def test_what_python_writes_is_one_record(program: str, kind: str, message: str) -> None:
    """Whatever ends a real Python program is one record, which has all of it."""
    text = stderr_of(program)
    before, record, after = parse(f"started\n{text}stopped\n")
    assert (before.message, after.message) == ("started", "stopped")
    assert (record.level, record.severity) == ("error", 17)
    assert record.exception is not None
    assert record.exception["type"] == kind
    assert record.exception["message"].startswith(message)
    stack = record.exception["stacktrace"]
    assert stack.startswith(("Traceback", "  + Exception Group Traceback"))
    assert text.rstrip("\n").endswith(stack)


def test_a_logged_traceback_belongs_to_its_record() -> None:
    """What `logger.exception` writes is one record with the message that was logged."""
    failed, following = parse(stderr_of(LOGGED))
    assert (failed.message, failed.logger, failed.level) == ("order failed", "shop.pay", "error")
    assert failed.exception is not None
    assert failed.exception["type"] == "ZeroDivisionError"
    assert (following.message, following.exception) == ("next", None)


JAVA = """\
java.lang.IllegalStateException: cannot pay
\tat com.shop.Pay.charge(Pay.java:17)
\tat com.shop.Pay.main(Pay.java:5)
Caused by: java.io.IOException: refused
\tat com.shop.Net.call(Net.java:9)
\t... 2 more
"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.charge(...)
\t/srv/pay.go:17
main.main()
\t/srv/pay.go:5 +0x1d
exit status 2
"""
NODE = """\
TypeError: Cannot read properties of undefined (reading 'id')
    at charge (/srv/pay.js:17:5)
    at Object.<anonymous> (/srv/pay.js:30:1) {
  code: 'E17'
}
"""
RUBY = """\
/srv/pay.rb:17:in `charge': no such order (ArgumentError)
\tfrom /srv/pay.rb:30:in `<main>'
"""
DOTNET = """\
Unhandled exception. System.InvalidOperationException: cannot pay
   at Shop.Pay.Charge() in /srv/Pay.cs:line 17
"""


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (JAVA, "java.lang.IllegalStateException", "cannot pay"),
        ('Exception in thread "main" ' + JAVA, "java.lang.IllegalStateException", "cannot pay"),
        (GO, "panic", "runtime error: index out of range [5] with length 3"),
        (NODE, "TypeError", "Cannot read properties of undefined (reading 'id')"),
        ("Uncaught " + NODE, "TypeError", "Cannot read properties of undefined (reading 'id')"),
        (RUBY, "ArgumentError", "no such order"),
        (DOTNET, "System.InvalidOperationException", "cannot pay"),
    ],
)
def test_tracebacks_of_other_languages(text: str, kind: str, message: str) -> None:
    """They are one record too, whose message says what happened."""
    before, record, after = parse(f"started\n{text}stopped now\n")
    assert (before.message, after.message) == ("started", "stopped now")
    assert record.message == f"{kind}: {message}"
    assert record.exception == {"type": kind, "message": message, "stacktrace": text.rstrip("\n")}


def test_a_stack_below_a_log_line_belongs_to_it() -> None:
    """log4j writes the stack below the message; the next line with a time begins anew."""
    before = "2024-05-04 03:02:01,123 ERROR [main] com.shop.Pay: order failed\n"
    failed, following = parse(f"{before}{JAVA}2024-05-04 03:02:02,000 INFO [main] a.B: ok\n")
    assert failed.message == "order failed"
    assert failed.exception is not None
    assert failed.exception["stacktrace"] == JAVA.rstrip("\n")
    assert following.message == "ok"


def test_indented_lines_belong_to_the_record_before() -> None:
    """They are part of its message; a closing bracket below them as well."""
    one, two = parse('sent {\n  "order": 17\n}\nnext\n\n')
    assert one.message == 'sent {\n  "order": 17\n}'
    assert (two.message, one.exception) == ("next", None)


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: just said\nnext",
        "Traceback (most recent call last):\nnothing of it",
        "panic: do not\nnext",
        "Caused by: x\nnext",
        "Error\nnext",
    ],
)
def test_what_only_looks_like_a_traceback_keeps_its_lines(text: str) -> None:
    """No line is swallowed, whatever becomes of it."""
    said = "\n".join(
        record.message if record.exception is None else record.exception["stacktrace"]
        for record in parse(text)
    )
    assert said == text


def test_json_brings_its_stack() -> None:
    """The stack in a JSON line is the record's exception; the message is what was logged."""
    (record,) = parse(
        '{"level": "error", "event": "order failed", '
        '"exception": "Traceback (most recent call last):\\n  File \\"x\\"\\nValueError: bad"}\n'
    )
    assert record.message == "order failed"
    assert record.exception is not None
    assert (record.exception["type"], record.exception["message"]) == ("ValueError", "bad")
