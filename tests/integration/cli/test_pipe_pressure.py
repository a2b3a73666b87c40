"""`pylogtap pipe` where lines come faster than they are delivered, or are not delivered at all."""

from __future__ import annotations

import re
import signal
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pylogtap_collector.proofs.daemon import running_daemon
from tests.integration.cli.conftest import Shell

if TYPE_CHECKING:
    from pathlib import Path

LINES = 60_000
SMALL = str(2 << 20)  # bytes: a spool that holds about half of them


def numbered(count: int) -> bytes:
    """Return so many lines, all different."""
    return b"".join(b"number %d of many that say more or less the same\n" % number for number in range(count))


def amount(text: bytes, words: str) -> int:
    """Return the number that stands in front of words in what a command said."""
    found = re.search(rf"([\d,]+) {words}", text.decode())
    return int(found[1].replace(",", "")) if found else 0


def test_a_file_waits_for_a_collector_that_takes(shell: Shell) -> None:
    """More lines than the spool can hold are read as fast as the collector takes them: none is lost."""
    shell.environment["PYLOGTAP_SPOOL_MAX_BYTES"] = SMALL
    ended = shell.run("pipe", "--prefix", f"{shell.project}/a/b", "--quiet", given=numbered(LINES))
    assert (ended.returncode, amount(ended.stderr, "records are lost")) == (0, 0)
    arrived = shell.messages(least=LINES)
    assert len(arrived) == LINES
    assert len(set(arrived)) == LINES


def test_a_collector_that_takes_nothing_holds_nobody_up(shell: Shell) -> None:
    """With a full spool and no collector all lines pass; how many are lost is said, also by the exit code."""
    shell.environment |= {"PYLOGTAP_SPOOL_MAX_BYTES": SMALL, "PYLOGTAP_URL": "http://127.0.0.1:9"}
    given = numbered(LINES)
    ended = shell.run("pipe", "--prefix", f"{shell.project}/a/b", given=given)
    assert (ended.returncode, ended.stdout) == (1, given)
    waiting, lost = amount(ended.stderr, "records wait"), amount(ended.stderr, "records are lost")
    assert waiting > LINES / 4
    assert lost > LINES / 4
    assert waiting + lost == LINES


def test_a_collector_that_comes_back(tmp_path: Path) -> None:
    """What came in while the collector was down waits; `drain` delivers it, each record once, in order."""
    with running_daemon(tmp_path) as collector:
        shell = Shell(collector, tmp_path, "outage")
        collector.kill()
        ended = shell.run("pipe", "--prefix", "outage/a/b", "--quiet", given=numbered(3000))
        assert (ended.returncode, amount(ended.stderr, "records wait")) == (0, 3000)
        assert b"pylogtap drain" in ended.stderr
        collector.start()
        assert shell.run("drain").returncode == 0
        expected = numbered(3000).decode().splitlines()
        assert shell.messages(least=3000) == expected
        assert shell.run("drain").returncode == 0
        assert shell.messages(least=3000) == expected


def test_a_source_that_is_silent_among_others(shell: Shell) -> None:
    """The last line of one service is not held back because another one goes on and on."""
    process = shell.start("pipe", "--project", shell.project, "--quiet")
    assert process.stdin is not None
    stdin = process.stdin
    done = threading.Event()

    def chatter() -> None:
        while not done.wait(0.05):
            stdin.write(b"web-1  | tick\n")
            stdin.flush()

    stdin.write(b"db-1   | ready\n")
    thread = threading.Thread(target=chatter)
    thread.start()
    try:
        found = shell.messages("service:db")
    finally:
        done.set()
        thread.join()
        process.communicate(timeout=30)
    assert found == ["ready"]


def test_a_signal_while_lines_never_end(shell: Shell) -> None:
    """Asked to end, it does so although the program before it goes on, and keeps what it read."""
    process = shell.start("pipe", "--prefix", f"{shell.project}/a/b", "--quiet", bufsize=0)
    assert process.stdin is not None
    process.stdin.write(b"first\n")
    assert shell.messages() == ["first"]
    process.terminate()
    written = 0
    with suppress(BrokenPipeError):
        while process.poll() is None:
            process.stdin.write(b"more\n")
            written += 1
            time.sleep(0.05)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert written > 1
    assert shell.messages(least=2)[:2] == ["first", "more"]


def test_a_project_that_cannot_be_one(shell: Shell) -> None:
    """A name that no record could carry is refused before anything is read."""
    for name in ("a/b", "two words", ""):
        ended = shell.run("pipe", "--project", name, given=b"x\n")
        assert (ended.returncode, ended.stdout) == (2, b"")
        assert b"Traceback" not in ended.stderr
