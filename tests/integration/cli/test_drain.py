"""`pylogtap drain`: what dead programs left is delivered, and what cannot be stays and is told."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.segment import SUFFIX
from pylogtap_collector.proofs.daemon import running_daemon
from tests.support.spooled import DEAD_URL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.cli.conftest import Shell

PROGRAM = """
import logging, os, signal, pylogtap
pylogtap.init(exit_timeout_s=0, flush_interval_s=3600)
for number in range(50):
    logging.info("last words %d", number)
"""
KILLED = PROGRAM + "os.kill(os.getpid(), signal.SIGKILL)\n"
ALIVE = PROGRAM + "print('logged', flush=True)\ninput()\n"


def leave(shell: Shell, url: str | None = None, text: str = KILLED) -> None:
    """Run a program that dies before it delivers anything."""
    environment = {**shell.environment, "PYLOGTAP_PROJECT": shell.project}
    if url is not None:
        environment["PYLOGTAP_URL"] = url
    subprocess.run([sys.executable, shell.program(text)], env=environment, check=False, timeout=60)


def drained(shell: Shell, *options: str, code: int = 0) -> list[dict[str, Any]]:
    """Run the command, and return what it says of each collector."""
    ended = shell.run("drain", "--format", "json", *options)
    assert ended.returncode == code, ended.stderr.decode()
    destinations: list[dict[str, Any]] = json.loads(ended.stdout)["destinations"]
    return destinations


def test_what_dead_programs_left_is_delivered(shell: Shell) -> None:
    """Every record of two killed programs arrives once, and their files are gone."""
    leave(shell)
    leave(shell)
    (said,) = drained(shell)
    assert said["delivered"] == {"programs": 2, "records": 100}
    assert said["remaining"] == {"programs": 0, "records": 0, "bytes": 0}
    assert sorted(shell.messages(least=100)) == sorted(
        f"last words {number}" for number in range(50) for _ in "ab"
    )
    assert not list((shell.folder / "spool").rglob(f"*{SUFFIX}"))
    (again,) = drained(shell)
    assert again["delivered"] == {"programs": 0, "records": 0}
    assert again["complete"]


def test_people_are_told(shell: Shell) -> None:
    """The readable answer names the collector and the counts, and has no colours in a pipe."""
    leave(shell)
    first, second = shell.run("drain"), shell.run("drain")
    assert first.stdout.decode() == (f"{shell.collector.url}\n  50 records of 1 ended program delivered\n")
    assert second.stdout.decode() == f"{shell.collector.url}\n  nothing was left to deliver\n"


def test_without_a_collector_all_of_it_stays(shell: Shell) -> None:
    """Where nobody answers, it says how much remains, why, and what to do; nothing is lost."""
    leave(shell, DEAD_URL)
    ended = shell.run("drain", "--url", DEAD_URL)
    text = ended.stdout.decode()
    assert ended.returncode == 1
    assert "up to 50 records of 1 ended program remain: no collector answers" in text
    assert f"pylogtap doctor --url {DEAD_URL}" in text
    (said,) = drained(shell, "--url", DEAD_URL, code=1)
    assert said["remaining"]["records"] == 50


def test_all_collectors_of_the_spool(shell: Shell) -> None:
    """With --all each destination gets its own records, and one that is away holds no other up."""
    leave(shell)
    leave(shell, DEAD_URL)
    other = shell.collector.url.replace("127.0.0.1", "localhost")
    leave(shell, other)
    said = {each["url"]: each for each in drained(shell, "--all", code=1)}
    assert said.keys() == {shell.collector.url, other, DEAD_URL}
    assert said[shell.collector.url]["delivered"]["records"] == 50
    assert said[other]["delivered"]["records"] == 50
    assert said[DEAD_URL]["remaining"]["records"] == 50
    assert len(shell.found(least=100)) == 100


def test_a_living_program_keeps_its_own(shell: Shell) -> None:
    """What a program that runs has not delivered yet is left to it."""
    environment = {**shell.environment, "PYLOGTAP_PROJECT": shell.project, "PYLOGTAP_URL": DEAD_URL}
    with subprocess.Popen(
        [sys.executable, shell.program(ALIVE)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as living:
        assert living.stdout is not None
        living.stdout.readline()
        (said,) = drained(shell, "--url", DEAD_URL)
        living.kill()
    assert said["held"]["programs"] == 1
    assert said["held"]["records"] == 50
    assert said["remaining"]["programs"] == 0


def test_without_owner_file(shell: Shell) -> None:
    """Segments whose owner file was deleted are told, with the command that has them delivered; it does."""
    leave(shell)
    (owner,) = (shell.folder / "spool").rglob("*.own")
    owner.unlink()
    ended = shell.run("drain")
    assert ended.returncode == 1
    (remedy,) = [line.strip() for line in ended.stdout.decode().splitlines() if "touch" in line]
    subprocess.run(["bash", "-c", remedy.partition(" && ")[0]], check=True)
    (said,) = drained(shell)
    assert said["delivered"]["records"] == 50


@pytest.mark.parametrize(("key", "code"), [(None, 1), ("not-the-right-one", 1), ("the-right-key", 0)])
def test_a_key_is_needed(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, code: int
) -> None:
    """Without the right key everything stays, and the answer asks for it; with it everything is delivered."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_KEY", "the-right-key")
    with running_daemon(tmp_path) as collector:
        leave(shell, collector.url)
        options = ["--url", collector.url, *(["--key", key] if key else [])]
        ended = shell.run("drain", *options)
    assert ended.returncode == code, ended.stdout.decode()
    assert ("HTTP 401" in ended.stdout.decode()) is bool(code)
    assert ("PYLOGTAP_KEY=" in ended.stdout.decode()) is bool(code)
    assert bool(list((shell.folder / "spool").rglob(f"*{SUFFIX}"))) is bool(code)


def test_the_key_goes_to_its_collector_alone(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --all, a destination that is only named by the spool directory never sees the key."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_KEY", "the-right-key")
    with running_daemon(tmp_path) as collector:
        leave(shell, collector.url)
        said = {
            each["url"]: each
            for each in drained(shell, "--all", "--url", DEAD_URL, "--key", "the-right-key", code=1)
        }
    assert said[collector.url]["error"].startswith("HTTP 401: A key or a session is needed")


def test_the_stack_of_a_fatal_signal_is_delivered(shell: Shell) -> None:
    """What a program said when a fatal signal ended it becomes a record."""
    leave(shell, text=PROGRAM + "os.kill(os.getpid(), signal.SIGSEGV)\n")
    (said,) = drained(shell)
    assert said["delivered"]["records"] >= 50
    (fault,) = shell.found("logger:pylogtap.uncaught")
    assert "Segmentation fault" in fault["message"]


def test_a_spool_directory_that_cannot_be(shell: Shell) -> None:
    """A file in the way ends it with 1 and a sentence."""
    (shell.folder / "spool").write_text("in the way")
    ended = shell.run("drain")
    assert ended.returncode == 1
    assert "spool directory cannot be used" in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()


@pytest.mark.parametrize("options", [["--nope"], ["--url", "ftp://x"], ["--url", "http://x:port"], ["more"]])
def test_wrong_usage(shell: Shell, options: list[str]) -> None:
    """What cannot be right ends it with 2 and a sentence."""
    ended = shell.run("drain", *options)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr.decode()
