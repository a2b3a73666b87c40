"""`pylogtap run` and programs of several processes: who prints what, who ends when, who gets which signal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from pylogtap.cli.forwarding import Forwarding
from pylogtap_collector.proofs.daemon import running_daemon
from tests.integration.cli.conftest import Shell

if TYPE_CHECKING:
    from pathlib import Path

WORKERS, RECORDS = 4, 60
_PATIENCE_S = 30.0
TOGETHER = f"""
import logging, multiprocessing, random

def work(number):
    logging.basicConfig(level=logging.INFO, force=True)
    for turn in range({RECORDS}):
        logging.info("record %d-%d %s", number, turn, "x" * random.randint(10, 20000))
        print(f"line {{number}}-{{turn}}", flush=True)

if __name__ == "__main__":
    workers = [multiprocessing.Process(target=work, args=(number,)) for number in range({WORKERS})]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
"""


def test_processes_that_print_at_once(shell: Shell) -> None:
    """Long lines of several processes may mix in the output; each record and line is kept once."""
    program = shell.program(TOGETHER)
    command = f"exec {sys.executable} {program} 2>&1"
    ended = shell.run("run", "--prefix", f"{shell.project}/app", "--", "sh", "-c", command)
    assert ended.returncode == 0
    expected = {f"{number}-{turn}" for number in range(WORKERS) for turn in range(RECORDS)}
    deadline = time.monotonic() + _PATIENCE_S
    while True:  # how many messages the lines become is not known: they may mix
        logs = shell.found()
        records = Counter(log["message"].split()[1] for log in logs if log["template"] == "record %d-%d %s")
        printed = [log["message"] for log in logs if log["template"] is None]
        lines = Counter(name for message in printed for name in re.findall(r"line (\d+-\d+)", message))
        if (set(records) == set(lines) == expected) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert records == dict.fromkeys(expected, 1)
    assert lines == dict.fromkeys(expected, 1)
    assert not [message for message in printed if "xxx" in message]


def test_what_a_program_leaves_behind_may_be_loud(shell: Shell) -> None:
    """A process in the background that prints on and on does not hold us either."""
    script = "(i=0; while [ $i -lt 1500 ]; do echo tick; i=$((i+1)); sleep 0.05; done) & echo done"
    ended = shell.run("run", "--prefix", f"{shell.project}/app", "--", "sh", "-c", script)
    assert ended.returncode == 0
    assert b"done\n" in ended.stdout
    assert ended.stdout.count(b"tick") < 1500
    assert "done" in shell.messages(least=2)


def test_one_stream_is_silent_while_the_other_is_not(shell: Shell) -> None:
    """A line on standard error is found while standard output goes on."""
    script = "echo alone >&2; while read -t 0.05 end || [ $? -gt 128 ]; do echo tick; done"
    process = shell.start("run", "--prefix", f"{shell.project}/app", "--", "bash", "-c", script)
    assert process.stdin is not None
    found = shell.messages("stream:stderr")
    process.communicate(timeout=30)
    assert found == ["alone"]


def test_an_ignored_signal_stays_ignored(shell: Shell) -> None:
    """Under nohup neither we nor the program end when the terminal goes away."""
    script = "trap - HUP; echo ready; read line; echo $line"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited by what is started
    try:
        process = shell.start("run", "--prefix", f"{shell.project}/app", "--", "sh", "-c", script)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGHUP)
    rest, _ = process.communicate(b"still here\n", timeout=30)
    assert (process.returncode, rest) == (0, b"still here\n")


def test_a_signal_before_the_program_has_started() -> None:
    """What comes between our start and the program's is passed on as soon as there is a program."""
    before = signal.getsignal(signal.SIGTERM)
    signals = Forwarding(lambda: None)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        process = subprocess.Popen(["sleep", "600"])
        signals.to(process)
        assert process.wait(timeout=60) == -signal.SIGTERM
    finally:
        signals.end()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_program_logs_while_the_collector_is_away(tmp_path: Path) -> None:
    """What handler and tap kept during an outage is delivered by `drain`, each record once."""
    with running_daemon(tmp_path) as collector:
        shell = Shell(collector, tmp_path, "outage")
        program = shell.program(
            "import logging\n"
            "logging.warning('by the handler')\n"
            "print('by the tap')\n"
            "raise KeyError('at the end')\n"
        )
        collector.kill()
        ended = shell.run("run", "--prefix", "outage/app", "--", sys.executable, program)
        assert (ended.returncode, ended.stdout) == (1, b"by the tap\n")
        collector.start()
        assert shell.run("drain").returncode == 0
        ends = ["the program ended with exit code 1", "uncaught exception"]
        assert sorted(shell.messages(least=4)) == ["by the handler", "by the tap", *ends]


def test_switched_off_it_only_runs(shell: Shell) -> None:
    """With PYLOGTAP_DISABLED the program runs as ever, and nothing is kept."""
    shell.environment["PYLOGTAP_DISABLED"] = "1"
    ended = shell.run("run", "--prefix", f"{shell.project}/app", "--", "sh", "-c", "echo out; exit 3")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"out\n", b"")
    del shell.environment["PYLOGTAP_DISABLED"]
    shell.run("run", "--prefix", f"{shell.project}/app", "--", "echo", "later")
    assert shell.messages() == ["later"]
