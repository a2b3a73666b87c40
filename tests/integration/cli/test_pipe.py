"""`pylogtap pipe`: lines of anything that prints, kept as records."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Shell


def test_lines_pass_and_are_kept(shell: Shell) -> None:
    """What comes in goes out unchanged, and is found again."""
    given = b"one\n\x1b[32mtwo\x1b[0m\nlast without an end"
    ended = shell.run("pipe", "--prefix", f"{shell.project}/a/b", given=given)
    assert (ended.returncode, ended.stdout) == (0, given)
    assert shell.messages(least=3) == ["one", "two", "last without an end"]


def test_places_of_runners(shell: Shell) -> None:
    """The services that docker compose, Procfile runners and kubectl name in front of lines are places."""
    given = (
        "web-1  | GET / 200\n"
        "12:00:01 worker.1 | job done\n"
        "[pod/api-7d4-x/server] started\n"
        "[other/place/here] own prefix\n"
    )
    shell.run("pipe", "--project", shell.project, "--quiet", given=given.encode())
    places = {log["message"]: (log["service"], log["instance"]) for log in shell.found(least=3)}
    assert places["GET / 200"][0] == "web"
    assert places["job done"][0] == "worker"
    assert places["started"] == ("server", "api-7d4-x")
    found = list(shell.collector.logs('project:other "own prefix"'))
    assert {(log["service"], log["instance"]) for log in found} == {("place", "here")}


def test_what_lines_say(shell: Shell) -> None:
    """Times, levels and fields in a line become those of the record; a traceback is one record."""
    given = (
        "2026-05-01T10:15:00Z ERROR [pay] card declined\n"
        '{"time": "2026-05-01T10:15:01Z", "level": "warn", "msg": "slow", "took_ms": 310, "odd": "\\ud800"}\n'
        "ts=2026-05-01T10:15:02Z level=info msg=ready port=80\n"
        "Traceback (most recent call last):\n"
        '  File "a.py", line 1, in <module>\n'
        "    1/0\n"
        "ZeroDivisionError: division by zero\n"
    )
    ended = shell.run("pipe", "--prefix", f"{shell.project}/a/b", "--quiet", given=given.encode())
    assert (ended.returncode, ended.stdout) == (0, b"")
    logs = shell.found(least=3)
    by_time = {log["time"]: log for log in logs}
    assert by_time["2026-05-01T10:15:00Z"]["level"] == "error"
    assert by_time["2026-05-01T10:15:01Z"]["attributes"]["took_ms"] == 310
    assert by_time["2026-05-01T10:15:02Z"]["message"] == "ready"
    assert [log["exception"]["type"] for log in logs if log["exception"]] == ["ZeroDivisionError"]


def test_a_line_is_found_while_more_may_come(shell: Shell) -> None:
    """The last line of a program that is silent for a while is not held back."""
    process = shell.start("pipe", "--prefix", f"{shell.project}/a/b")
    assert process.stdin is not None
    process.stdin.write(b"alone\n")
    process.stdin.flush()
    assert shell.messages() == ["alone"]
    process.communicate(timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_the_last_words(shell: Shell, number: signal.Signals) -> None:
    """Ctrl-C and a service's stop reach the whole pipeline: what the program before us still says is kept."""
    process = shell.start("pipe", "--prefix", f"{shell.project}/a/b", start_new_session=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"before\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"before\n"
    process.send_signal(number)
    time.sleep(0.2)
    process.stdin.write(b"goodbye\n")
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert shell.messages(least=2) == ["before", "goodbye"]


def test_a_signal_in_the_middle(shell: Shell) -> None:
    """A signal while lines are being kept loses none of those that were passed on."""
    lines = [f"number {number}" for number in range(5000)]
    with shell.start(
        "pipe", "--prefix", f"{shell.project}/a/b", start_new_session=True, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        assert process.stdout.read().decode().splitlines() == lines[1:]
    assert process.returncode == 128 + signal.SIGINT
    assert shell.messages(least=5000) == lines


def test_a_reader_that_has_seen_enough(shell: Shell) -> None:
    """Behind `head` it ends without an error, and keeps what it read."""
    process = shell.start("pipe", "--prefix", f"{shell.project}/a/b")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, complaints = process.communicate(b"nobody reads this\n", timeout=30)
    assert (process.returncode, complaints) == (0, b"")
    assert shell.messages() == ["nobody reads this"]


def test_an_output_that_is_full(shell: Shell) -> None:
    """Where the lines cannot be passed on, that is said and the exit code tells it; all of them are kept."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        process = shell.start("pipe", "--prefix", f"{shell.project}/a/b", stdout=full)
        _, complaints = process.communicate(b"one\ntwo\n", timeout=30)
    assert process.returncode == 1
    assert b"stdout cannot be written (no space left on device)" in complaints
    assert shell.messages(least=2) == ["one", "two"]


def test_without_a_collector_all_waits(shell: Shell) -> None:
    """With nobody to deliver to it says where the records are; delivered later, each arrives once."""
    shell.environment["PYLOGTAP_URL"] = "http://127.0.0.1:9"
    lines = "".join(f"number {number}\n" for number in range(2000))
    ended = shell.run("pipe", "--prefix", f"{shell.project}/a/b", "--quiet", given=lines.encode())
    assert b"2,000 records wait" in ended.stderr
    program = (
        "import dataclasses, json, pathlib, pylogtap.client as c, pylogtap.settings as s\n"
        f"spool = pathlib.Path({str(shell.folder / 'spool')!r})\n"
        "place = c.destination_directory(s.Settings(url='http://127.0.0.1:9', spool_dir=spool))\n"
        f"target = c.destination_directory(s.Settings(url={shell.collector.url!r}, spool_dir=spool))\n"
        "for path in pathlib.Path(place).iterdir(): path.rename(pathlib.Path(target) / path.name)\n"
        f"print(c.drain(s.Settings(url={shell.collector.url!r}, spool_dir=spool)))\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=shell.environment, capture_output=True)
    assert shell.messages(least=2000) == [f"number {number}" for number in range(2000)]
