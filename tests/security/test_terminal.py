"""Escape sequences in records: neither a terminal nor a page obeys them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from tests.integration.cli.conftest import COMMAND
from tests.security.checking import hostile_segment
from tests.security.corpus import ANSI, MARK
from tests.support.deliveries import deliver_segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.integration.cli.conftest import Shell

# What rich writes itself: weights, dim, underlining, and colours; neither concealed (8) nor links.
_STYLE = r"(?:0|1|2|3|4|7|3[0-7]|9[0-7]|4[0-7]|10[0-7])"
_OURS = re.compile(rf"\x1b\[{_STYLE}(?:;{_STYLE}){{0,4}}m")
_PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def hostile(collector: CollectorProcess) -> CollectorProcess:
    """The collector of this module, with a record for each payload."""
    deliver_segment(collector.url, hostile_segment(ANSI.values()))
    deliver_segment(collector.url, hostile_segment(ANSI.values(), "shop/named/n-1", level="info"))
    deliver_segment(collector.url, hostile_segment(ANSI.values(), "shop/\x1b[2J/\x9b2J\u202e", level="info"))
    return collector


def acting(text: str) -> set[str]:
    """Return the characters of a text that a terminal obeys or hides, beyond line ends and our colours."""
    plain = _OURS.sub("", text.replace("\r\n", "\n")).replace("\n", "")
    return {each for each in plain if not each.isprintable()}


def on_a_terminal(shell: Shell, *arguments: str, end: Callable[[str], bool] | None = None) -> str:
    """
    Run a command on a pseudo-terminal, and return what it wrote there.

    Args:
        shell: Its environment.
        arguments: Of the command.
        end: Tells when to interrupt it; None: it ends by itself.
    """
    ours, theirs = pty.openpty()
    environment = {**shell.environment, "TERM": "xterm-256color", "COLUMNS": "200"}
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=shell.folder
    )
    os.close(theirs)
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        written = _read(terminal.fileno(), process, end)
    return written.decode()


def _read(terminal: int, process: subprocess.Popen[bytes], end: Callable[[str], bool] | None) -> bytes:
    """Read what a process writes to its end, or until it takes too long."""
    written, deadline = bytearray(), time.monotonic() + _PATIENCE_S
    while (left_s := deadline - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left_s)[0]:
            break
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # EIO: it has ended
            return bytes(written)
        written += piece
        if end is not None and end(written.decode(errors="replace")):
            process.send_signal(signal.SIGINT)
            end = None
    process.kill()
    return bytes(written)


def test_the_check_sees_what_it_looks_for() -> None:
    """Every payload has a character that the check of this module finds."""
    assert [name for name, payload in ANSI.items() if not acting(payload)] == []


@pytest.mark.parametrize("named", ["service:hostile", "service:named", "-service:hostile -service:named"])
def test_query_on_a_terminal(hostile: CollectorProcess, shell: Shell, named: str) -> None:
    """On a terminal, what was logged is shown escaped: message, level, logger, fields and exception."""
    shown = on_a_terminal(shell, "query", MARK, named, "-n", "1000")
    assert shown.count(MARK) >= len(ANSI)
    assert acting(shown) == set()


def test_query_through_a_pipe(hostile: CollectorProcess, shell: Shell) -> None:
    """Through a pipe, which may end at a terminal, it is escaped as well, and each record is where it was."""
    ended = shell.run("query", MARK, "-n", "1000")
    assert ended.returncode == 0
    assert acting(ended.stdout.decode()) == set()


def test_a_label_and_a_note_on_a_terminal(hostile: CollectorProcess, shell: Shell) -> None:
    """What people wrote on records is escaped as what programs did."""
    deliver_segment(hostile.url, hostile_segment(ANSI.values(), f"{shell.project}/a/b", level="info"))
    for log in shell.found(least=len(ANSI)):
        document = {"labels": {"x": log["logger"][:1000]}}
        _patch(hostile, f"/api/v1/logs/{log['id']}", document)
    shown = on_a_terminal(shell, "query", f"project:{shell.project}", "-n", "1000")
    assert shown.count("#x=") >= len(ANSI) - 1
    assert acting(shown) == set()


def test_tail_on_a_terminal(hostile: CollectorProcess, shell: Shell) -> None:
    """The live tail escapes history and what arrives while it runs."""
    done: list[str] = []

    def arrived(text: str) -> bool:
        if not done and text.count(MARK) >= 40:
            deliver_segment(hostile.url, hostile_segment(ANSI.values(), f"{shell.project}/a/b"))
            done.append("delivered")
        return f"{shell.project}/a" in text and f"{MARK} {len(ANSI)} " in text.rpartition(shell.project)[2]

    shown = on_a_terminal(shell, "tail", MARK, "-n", "50", end=arrived)
    assert f"{shell.project}/a" in shown
    assert acting(shown) == set()


@pytest.mark.parametrize("command", ["query", "tail"])
def test_json_on_a_terminal(hostile: CollectorProcess, shell: Shell, command: str) -> None:
    """As JSON, a line stays a line, and every character that acts is written as an escape of JSON."""
    many = ("-n", "1000")
    last = f"{MARK} {len(ANSI)} "
    end = (lambda text: last in text) if command == "tail" else None
    asked = (MARK, "service:named", "--format", "json")
    shown = on_a_terminal(shell, command, *asked, *many, end=end)
    assert acting(shown) == set()
    logs = [json.loads(line) for line in shown.splitlines() if line.startswith("{")]
    assert [log["logger"] for log in logs] == list(ANSI.values())


def test_mistakes_on_a_terminal(hostile: CollectorProcess, shell: Shell) -> None:
    """A query, an option or an address that cannot be right is repeated escaped, if at all."""
    texts = [payload.replace("\0", "")[:100] for payload in ANSI.values()]
    for text in ("".join(texts[0::2])[:2000], "".join(texts[1::2])[:2000]):
        for arguments in (
            ("query", f"({text}"),
            ("query", "x", "--since", text),
            ("query", "--prefix", text),
        ):
            assert acting(on_a_terminal(shell, *arguments)) == set(), arguments


def test_a_file_from_a_stranger(shell: Shell) -> None:
    """What an incident file tells of itself is shown escaped, when `pylogtap open` announces it."""
    ended = shell.run("export", "--format", "incident", "--output", "incident.db")
    assert ended.returncode == 0, ended.stderr
    text = "".join(ANSI.values()).replace("\0", "")
    with closing(sqlite3.connect(shell.folder / "incident.db")) as connection:
        names = [(name, text) for name in ("query", "made", "since", "until")]
        connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", names)
        connection.commit()
    shown = on_a_terminal(shell, "open", "incident.db", end=lambda text: "Ctrl-C" in text)
    assert "found by" in shown
    assert acting(shown) == set()


def _patch(collector: CollectorProcess, path: str, document: object) -> None:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(
        f"{collector.url}{path}", method="PATCH", data=json.dumps(document).encode(),
        headers={"Content-Type": "application/merge-patch+json"},
    )  # fmt: skip
    with suppress(urllib.error.HTTPError):  # a zero character is refused
        urllib.request.urlopen(request, timeout=30).close()
