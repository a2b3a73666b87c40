"""`pylogtap run`: programs that know nothing of us, kept line by line, each line once."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pylogtap.cli.run import LOGGER, service_of
from tests.integration.cli.conftest import COMMAND

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Shell


def run_python(shell: Shell, text: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run a Python program under us."""
    program = shell.program(text)
    return shell.run("run", "--prefix", f"{shell.project}/app", "--", sys.executable, *options, program)


def test_logging_and_prints_are_kept_once(shell: Shell) -> None:
    """What a handler prints is kept as the record it came from, what is printed otherwise as a line."""
    ended = run_python(
        shell,
        "import logging, sys\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "logging.getLogger('pay').info('paid %d', 7, extra={'order': 42})\n"
        "print('a line')\n"
        "print('WARNING disk is full', file=sys.stderr)\n",
    )
    assert ended.returncode == 0
    assert ended.stdout == b"a line\n"
    assert b"INFO:pay:paid 7\n" in ended.stderr
    logs = {log["message"]: log for log in shell.found(least=3)}
    assert set(logs) == {"paid 7", "a line", "WARNING disk is full"}
    assert (logs["paid 7"]["template"], logs["paid 7"]["attributes"]) == ("paid %d", {"order": 42})
    assert (logs["a line"]["level"], logs["a line"]["attributes"]) == ("info", {"stream": "stdout"})
    assert logs["WARNING disk is full"]["level"] == "warning"


def test_a_configuration_of_the_program_stays_as_it_is(shell: Shell) -> None:
    """`dictConfig`, which removes foreign handlers, neither removes us nor is it disturbed."""
    ended = run_python(
        shell,
        "import logging, logging.config\n"
        "logging.config.dictConfig({'version': 1, 'disable_existing_loggers': False,\n"
        "  'formatters': {'f': {'format': 'own|%(message)s'}},\n"
        "  'handlers': {'h': {'class': 'logging.StreamHandler', 'formatter': 'f'}},\n"
        "  'root': {'level': 'WARNING', 'handlers': ['h']}})\n"
        "logging.info('not shown')\n"
        "logging.warning('shown')\n",
    )
    assert ended.stderr == b"own|shown\n"
    assert shell.messages() == ["shown"]


def test_what_goes_wrong(shell: Shell) -> None:
    """Uncaught exceptions of main and threads, and warnings, are records, and are printed as ever."""
    ended = run_python(
        shell,
        "import threading, warnings\n"
        "def fail(): raise KeyError('in a thread')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "warnings.warn('careful')\n"
        "raise ValueError('at the end')\n",
    )
    assert ended.returncode == 1
    assert ended.stderr.count(b"ValueError: at the end") == 1
    logs = shell.found(least=3)
    assert sorted(log["exception"]["type"] for log in logs if log["exception"]) == ["KeyError", "ValueError"]
    assert [log["message"] for log in logs if not log["exception"] and log["logger"] != LOGGER] == ["careful"]


def test_children_get_it_too(shell: Shell) -> None:
    """A Python program that the program starts is a program under us as well."""
    run_python(
        shell,
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', \"import logging; logging.warning('from a child')\"])\n"
        "subprocess.run(['echo', 'from another program'])\n",
    )
    assert sorted(shell.messages(least=2)) == ["from a child", "from another program"]


WORKERS = """
import logging, logging.handlers, multiprocessing, sys

def work(queue, number):
    root = logging.getLogger()
    root.handlers[:] = [logging.handlers.QueueHandler(queue)]
    root.setLevel(logging.INFO)
    logging.getLogger("worker").info("number %d", number)

if __name__ == "__main__":
    logging.basicConfig(format="%(process)d %(message)s")
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    workers = [context.Process(target=work, args=(queue, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        record = queue.get(timeout=30)
        assert not [name for name in record.__dict__ if "pylogtap" in name]
        logging.getLogger(record.name).handle(record)
    for worker in workers:
        worker.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_records_that_travel(shell: Shell, method: str) -> None:
    """Records that workers hand to the main process by a queue are kept once, and printed as ever."""
    program = shell.program(WORKERS)
    ended = shell.run("run", "--prefix", f"{shell.project}/app", "--", sys.executable, program, method)
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stderr.count(b"number") == 3
    logs = shell.found(least=3)
    assert sorted(log["message"] for log in logs) == ["number 0", "number 1", "number 2"]
    assert len({log["process"]["pid"] for log in logs}) == 3


def test_a_python_that_does_not_let_us_in(shell: Shell) -> None:
    """With -I Python ignores the environment: what it prints is kept all the same."""
    ended = run_python(
        shell,
        "import logging\nlogging.warning('isolated')\nprint('printed')\nraise ValueError('gone')\n",
        "-I",
    )
    assert ended.returncode == 1
    logs = shell.found(least=3)
    assert {"isolated", "printed"} <= {log["message"].removeprefix("WARNING:root:") for log in logs}
    assert [log["exception"]["type"] for log in logs if log["exception"]] == ["ValueError"]


def python_of(version: str) -> str | None:
    """Return a Python of a version that works, or None."""
    candidates = [*map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]
    candidates += filter(None, [shutil.which(f"python{version}")])
    for python in candidates:
        asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        if told.stdout.strip() == version:
            return python
    return None


@pytest.mark.parametrize("version", ["3.8", "3.12", "3.13"])
def test_a_python_of_another_environment(shell: Shell, version: str) -> None:
    """A Python that has neither us nor msgpack gets our handler; one too old for it is tapped alone."""
    python = python_of(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here; install it, for example by pyenv")
    program = shell.program("import logging\nlogging.warning('number %d', 5)\n")
    ended = shell.run("run", "--prefix", f"{shell.project}/app", "--", python, program)
    assert ended.stderr == b"WARNING:root:number 5\n"
    (log,) = shell.found()
    assert log["message"] == "number 5"
    assert log["template"] == (None if version == "3.8" else "number %d")


def test_any_program(shell: Shell) -> None:
    """A program in any language is kept line by line, its streams stay apart."""
    ended = shell.run(
        "run",
        "--prefix",
        f"{shell.project}/tool/t-1",
        "--",
        "sh",
        "-c",
        "echo out; echo ERROR err >&2; cat",
        given=b"in\n",
    )
    assert (ended.stdout, ended.stderr) == (b"out\nin\n", b"ERROR err\n")
    logs = {log["message"]: log for log in shell.found(least=3)}
    assert logs["ERROR err"]["level"] == "error"
    assert logs["ERROR err"]["attributes"] == {"stream": "stderr"}
    assert {(log["service"], log["instance"]) for log in logs.values()} == {("tool", "t-1")}


def test_bytes_pass_as_they_are(shell: Shell) -> None:
    """Whatever a program prints, text or not, reaches its reader unchanged."""
    data = bytes(range(256)) * 40 + b"\x1b_pylogtap:0123:5\x1b\\tail"
    (shell.folder / "data").write_bytes(data)
    ended = shell.run("run", "--prefix", shell.project, "--", "cat", "data")
    assert ended.stdout == data


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -TERM $$", 128 + 15), ("kill -KILL $$", 128 + 9), ("true", 0)]
)
def test_the_exit_code_is_the_programs(shell: Shell, script: str, code: int) -> None:
    """Whoever waits for us learns how the program ended."""
    assert shell.run("run", "--", "sh", "-c", script).returncode == code


@pytest.mark.parametrize(
    ("script", "message", "level"),
    [
        ("exit 7", "the program ended with exit code 7", "error"),
        ("kill -KILL $$", "the program was ended by SIGKILL", "error"),
        ("kill -TERM $$", "the program was ended by SIGTERM", "info"),
    ],
)
def test_a_bad_end_is_a_record(shell: Shell, script: str, message: str, level: str) -> None:
    """Somebody who looks for the last line of a program finds how it ended."""
    shell.run("run", "--prefix", f"{shell.project}/app", "--", "sh", "-c", script)
    (log,) = shell.found(f"logger:{LOGGER}")
    assert (log["message"], log["level"], log["service"]) == (message, level, "app")


def test_programs_that_cannot_be_run(shell: Shell) -> None:
    """What is not there, and what is no program, is said in a sentence, with the shell's exit code."""
    missing = shell.run("run", "--", "no-such-program")
    assert (missing.returncode, missing.stderr.count(b"\n")) == (127, 1)
    assert b"no-such-program" in missing.stderr
    (shell.folder / "plain").write_text("text")
    assert shell.run("run", "--", "./plain").returncode == 126
    assert shell.run("run").returncode == 2


def test_options_of_the_program(shell: Shell) -> None:
    """What stands behind the program is the program's own, also where it looks like an option of ours."""
    ended = shell.run(
        "run", "--prefix", f"{shell.project}/app", "echo", "--prefix", "a/b", "--", "-n", "--help"
    )
    assert ended.stdout == b"--prefix a/b -- -n --help\n"
    assert [log["service"] for log in shell.found()] == ["app"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_program(shell: Shell, number: signal.Signals) -> None:
    """What is sent to us is for the program, which may say goodbye."""
    trap = f"trap 'echo got it; exit 5' {number.name.removeprefix('SIG')}"
    script = f"{trap}; echo ready; while :; do sleep 0.05; done"
    process = shell.start(
        "run", "--prefix", f"{shell.project}/app", "--", "sh", "-c", script, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    rest, _ = process.communicate(timeout=30)
    assert (process.returncode, rest) == (5, b"got it\n")
    assert shell.messages(f"-logger:{LOGGER}", least=2) == ["ready", "got it"]


def test_lines_are_passed_on_at_once(shell: Shell) -> None:
    """A line is to be read before the program goes on."""
    process = shell.start("run", "--", "sh", "-c", "echo question; read answer; echo $answer")
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"question\n"
    process.stdin.write(b"42\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"42\n"
    process.communicate(timeout=30)


def test_a_reader_that_leaves(shell: Shell) -> None:
    """When nobody reads the output any more, the program is told by SIGPIPE, as without us."""
    process = shell.start("run", "--", "yes")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGPIPE


def test_what_a_program_leaves_behind_does_not_hold_us(shell: Shell) -> None:
    """A process in the background that keeps the outputs open ends with us, or goes on without."""
    ended = shell.run("run", "--", "sh", "-c", "sleep 300 & echo $!")
    os.kill(int(ended.stdout), signal.SIGKILL)  # fails where it is not there any more


def test_what_a_killed_program_left_is_delivered(shell: Shell) -> None:
    """Records that a program could not deliver before it was killed have arrived when we end."""
    program = "import logging, os, signal\nlogging.warning('dying')\nos.kill(os.getpid(), signal.{})\n"
    assert run_python(shell, program.format("SIGKILL")).returncode == 128 + signal.SIGKILL
    assert [log["message"] for log in shell.collector.logs(f"project:{shell.project} -logger:{LOGGER}")] == [
        "dying"
    ]
    assert run_python(shell, program.format("SIGSEGV")).returncode == 128 + signal.SIGSEGV
    logs = list(shell.collector.logs(f"project:{shell.project} logger:pylogtap.uncaught"))
    assert ["Segmentation fault" in log["message"] for log in logs] == [True]


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_stream_that_is_closed(shell: Shell, closed: int) -> None:
    """Started without a standard stream, as some init systems do, we run the program and keep the rest."""
    command = shlex.join([*COMMAND, "run", "--prefix", f"{shell.project}/app", "--", "sh", "-c"])
    ended = subprocess.run(
        ["sh", "-c", f"{command} 'echo out; echo err >&2' {closed}>&-"],
        env=shell.environment, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0
    assert ended.stdout == (b"" if closed == 1 else b"out\n")
    assert ended.stderr == (b"" if closed == 2 else b"err\n")
    assert sorted(shell.messages(least=2)) == ["err", "out"]


def test_an_output_that_is_full(shell: Shell) -> None:
    """Where the output cannot be written, that is said once; the program goes on, and is kept."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - a device
        process = shell.start(
            "run",
            "--prefix",
            f"{shell.project}/app",
            "--",
            "sh",
            "-c",
            "echo 1; sleep 0.3; echo 2",
            stdout=full,
        )
        _, complaints = process.communicate(timeout=30)
    assert process.returncode == 0
    assert complaints.count(b"stdout cannot be written (no space left on device)") == 1
    assert shell.messages(least=2) == ["1", "2"]


def test_an_output_that_does_not_block(shell: Shell) -> None:
    """A pipe that somebody made non-blocking, and that is read slowly, still gets every byte."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    process = shell.start("run", "--prefix", f"{shell.project}/app", "--", "seq", "60000", stdout=theirs)
    os.close(theirs)
    time.sleep(1)  # the pipe is full by now
    with os.fdopen(ours, "rb") as reader:
        assert reader.read() == b"".join(b"%d\n" % number for number in range(1, 60001))
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_without_a_collector(shell: Shell) -> None:
    """The program runs as ever; what was kept is said, and delivered later."""
    shell.environment["PYLOGTAP_URL"] = "http://127.0.0.1:9"
    ended = run_python(shell, "import logging\nlogging.warning('later')\nprint('and this')\n")
    assert ended.returncode == 0
    assert b"drain" in ended.stderr


def test_a_terminal_stays_one(shell: Shell) -> None:
    """On a terminal the program sees a terminal too, and keeps its colours and width."""
    ours, theirs = pty.openpty()
    process = shell.start(
        "run", "--prefix", f"{shell.project}/app", "--", "sh", "-c",
        "test -t 1 && test -t 2 && printf '\\033[31mred\\033[0m\\n'", stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 1024):
            shown += chunk
    except OSError:  # closed at the other end
        pass
    process.communicate(timeout=30)
    os.close(ours)
    assert shown == b"\x1b[31mred\x1b[0m\r\n"
    assert shell.messages() == ["red"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["python", "app.py"], "app"),
        (["/usr/bin/python3.12", "-u", "-X", "dev", "/srv/shop.py", "-m"], "shop"),
        (["python3", "-m", "shop.web"], "shop.web"),
        (["python", "-c", "1"], "python"),
        (["/usr/sbin/nginx", "-g"], "nginx"),
    ],
)
def test_the_service_is_named_after_the_program(command: list[str], name: str) -> None:
    """Without a prefix the place is that of the script, module or program."""
    assert service_of(command) == name
