"""`pylogtap doctor`: each thing that can be wrong is made wrong, and found."""

from __future__ import annotations

import http.server
import json
import os
import pty
import resource
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pylogtap.cli.api import Api
from pylogtap.version import __version__
from pylogtap_collector.proofs.daemon import SERVE
from tests.integration.cli.conftest import COMMAND
from tests.support.spooled import DEAD_URL
from tests.support.visits import LOGGING, Visit, log, own_collector, visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.cli.conftest import Shell

KEY = "the-right-key"
KILLED = LOGGING.replace("init()", "init(flush_interval_s=3600)") + "os.kill(os.getpid(), signal.SIGKILL)\n"
FULL = """
import logging, pylogtap
pylogtap.init(spool_max_bytes="2M")
while not pylogtap.stats().dropped:
    logging.info("x" * 10_000)
print("full", flush=True)
input()
"""
OTHER_CLOCK = (
    "import time; s, ns = time.time, time.time_ns; time.time = lambda: s() {shift}; "
    "time.time_ns = lambda: ns() {shift} * 10**9; " + SERVE[1]
)
GOING_ON = FULL.replace("input()", "import time\nwhile True: logging.info('y' * 10_000); time.sleep(0.01)")
OTHER_VERSION = "import pylogtap.version as v; v.__version__ = '99.1'; " + SERVE[1]
WITHOUT_EXTRAS = "import sys; sys.modules['zstandard'] = sys.modules['rich'] = None; " + SERVE[1]


@pytest.fixture
def shell(shell: Shell) -> Shell:
    """A shell whose programs have a prefix."""
    shell.environment["PYLOGTAP_PREFIX"] = f"{shell.project}/checkout/web-1"
    return shell


@contextmanager
def other_server(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a web server that is no collector, and give its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_nothing_is_wrong(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all is well every check says so, and the exit code is 0."""
    with own_collector(shell, monkeypatch):
        log(shell)
        seen = visit(shell)
        told = shell.run("doctor")
    assert seen.states() == {}
    assert seen.code == told.returncode == 0
    assert seen.document["healthy"] is True
    assert told.stdout.decode().endswith("\nnothing is wrong\n")


def test_no_collector(shell: Shell) -> None:
    """Nobody answers: told with the command that starts one, and nothing that would only say the same."""
    seen = visit(shell, "--url", DEAD_URL)
    assert seen.code == 1
    assert seen.states() == {"collector": "problem"}
    assert "pylogtap serve" in seen.found("collector")["remedies"][0]


def test_a_doctor_that_nobody_reads(shell: Shell) -> None:
    """The exit code does not depend on how much of the words is read."""
    process = shell.start("doctor", "--url", DEAD_URL)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (1, b"")


def test_something_else_answers(shell: Shell) -> None:
    """A web server that is no collector is not taken for one."""
    with other_server(http.server.SimpleHTTPRequestHandler) as url:
        seen = visit(shell, "--url", url)
    assert seen.states() == {"collector": "problem"}
    assert "no collector" in seen.found("collector")["seen"]


@pytest.mark.parametrize(
    ("key", "state", "words"),
    [
        (None, "problem", "none is set"),
        ("another-key", "problem", "does not take"),
        (KEY, "ok", "takes"),
    ],
)
def test_key(shell: Shell, monkeypatch: pytest.MonkeyPatch, key: str | None, state: str, words: str) -> None:
    """A key that is missing or wrong is a problem, the right one is none."""
    with own_collector(shell, monkeypatch, key=KEY):
        seen = visit(shell, *(["--key", key] if key else []))
    assert seen.state("key") == state
    assert words in seen.found("key")["seen"]
    assert any("PYLOGTAP_KEY" in each for each in seen.found("key")["remedies"]) is (state == "problem")
    assert seen.code == (1 if state == "problem" else 0)


def test_a_key_for_another_project(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that may not deliver where programs log is a problem; the key that the remedy makes is none."""
    with own_collector(shell, monkeypatch, key=KEY) as collector:
        boss = Api(collector.url, KEY)
        other = boss.post("/api/v1/keys", {"name": "pay", "project": "pay"})["secret"]
        wrong = visit(shell, "--key", other)
        (command, _) = wrong.found("key")["remedies"]
        shell.environment["PYLOGTAP_KEY"] = KEY
        made = shell.run(*command.partition("pylogtap ")[2].split())
        right = visit(shell, "--key", made.stdout.decode().strip())
    assert (wrong.code, wrong.states()) == (1, {"key": "problem"})
    assert f"may not deliver to {shell.project}," in wrong.found("key")["seen"]
    assert "only to pay" in wrong.found("key")["seen"]
    assert (right.code, right.states()) == (0, {})


def test_a_key_that_others_can_read(shell: Shell) -> None:
    """A key for another machine's plain http address is a warning; for this machine and by TLS it is none."""
    shell.environment["PYLOGTAP_KEY"] = KEY
    far = visit(shell, "--url", "http://logs.invalid:8270")
    assert far.state("secrecy") == "warning"
    assert "ssh -N -L 8270:127.0.0.1:8270 logs.invalid" in far.found("secrecy")["remedies"][1]
    assert visit(shell, "--url", "https://logs.invalid").state("secrecy") == "ok"
    assert visit(shell, "--url", "http://localhost:9").state("secrecy") == "ok"
    assert KEY not in json.dumps(far.document)


def test_the_collector_cannot_store(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector whose disk takes nothing more says why."""
    with own_collector(shell, monkeypatch) as collector:
        resource.prlimit(collector.pid, resource.RLIMIT_FSIZE, (0, 0))
        seen = visit(shell)
    assert seen.code == 1
    assert seen.state("storage") == "problem"
    assert "df -h" in seen.found("storage")["remedies"][0]


def test_a_database_that_was_set_aside(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector that had to begin anew works, and yet something is wrong until that is put back."""
    with own_collector(shell, monkeypatch) as collector:
        (collector.data / "pylogtap.db.damaged-20261127T160000Z").write_bytes(b"")
        seen = visit(shell)
    assert seen.code == 1
    assert seen.states() == {"storage": "problem"}
    assert "was damaged and is set aside" in seen.found("storage")["seen"]
    assert "pylogtap recover" in seen.found("storage")["remedies"][0]


@pytest.mark.parametrize(("shift", "words"), [("+ 3600", "ahead of"), ("- 3600", "behind")])
def test_clock(shell: Shell, monkeypatch: pytest.MonkeyPatch, shift: str, words: str) -> None:
    """A collector whose clock is an hour off is found, and who delivers to it, too."""
    with own_collector(shell, monkeypatch, OTHER_CLOCK.format(shift=shift)):
        log(shell)
        seen = visit(shell)
    assert seen.code == 1
    assert seen.state("clock") == "problem"
    assert words in seen.found("clock")["seen"]
    assert 3590 < int(seen.found("clock")["seen"].split(" s ")[0].split()[-1].replace(",", "")) <= 3600
    assert seen.state("clocks") == "warning"


def test_version(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector of another version is a warning that names both."""
    with own_collector(shell, monkeypatch, OTHER_VERSION):
        seen = visit(shell)
    assert seen.states() == {"version": "warning"}
    assert seen.code == 0
    assert __version__ in seen.found("version")["seen"]
    assert "99.1" in seen.found("version")["seen"]


def test_a_spool_that_cannot_be_written(shell: Shell) -> None:
    """A file where the spool directory should be is told, with a way out that works."""
    (shell.folder / "spool").write_text("in the way")
    seen = visit(shell)
    assert seen.code == 1
    assert seen.state("spool") == "problem"
    assert seen.found("spool")["remedies"][-1].endswith("export PYLOGTAP_SPOOL_DIR=/path/to/it")
    assert visit(shell, "--spool-dir", str(shell.folder / "elsewhere")).code == 0


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write everywhere")
def test_a_spool_without_the_right_to_write(shell: Shell) -> None:
    """A directory that we may not write is told, with the command that gives it to us."""
    (shell.folder / "spool").mkdir(mode=0o500)
    weaker = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]  # root, as anybody else
    ended = subprocess.run(
        [*(weaker if os.geteuid() == 0 else []), *COMMAND, "doctor", "--format", "json"],
        capture_output=True, env=shell.environment, cwd=shell.folder, check=False, timeout=60,
    )  # fmt: skip
    assert Visit(ended).state("spool") == "problem"
    assert "chown" in Visit(ended).found("spool")["remedies"][0]


def test_a_disk_that_is_full(shell: Shell) -> None:
    """Where no segment fits, programs would lose records when they die: a problem."""
    ended = subprocess.run(
        ["bash", "-c", 'ulimit -f 100; exec "$@"', "bash", *COMMAND, "doctor", "--format", "json"],
        capture_output=True, env=shell.environment, cwd=shell.folder, check=False, timeout=60,
    )  # fmt: skip
    assert Visit(ended).state("spool") == "problem"
    assert "df -h" in Visit(ended).found("spool")["remedies"][0]
    assert not list((shell.folder / "spool").rglob("*.seg*"))


def test_a_disk_that_is_nearly_full(shell: Shell) -> None:
    """Less room than one program may need is a warning."""
    shell.environment["PYLOGTAP_SPOOL_MAX_BYTES"] = "100000000G"
    seen = visit(shell)
    assert seen.states() == {"spool": "warning"}
    assert seen.code == 0


def test_a_program_at_its_limit(shell: Shell) -> None:
    """A program that cannot deliver and has filled its spool is found while it runs."""
    environment = {**shell.environment, "PYLOGTAP_URL": DEAD_URL}
    with subprocess.Popen(
        [sys.executable, shell.program(FULL)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        shell.environment["PYLOGTAP_SPOOL_MAX_BYTES"] = "2M"
        seen = visit(shell)
        program.kill()
    assert seen.state("limit") == "problem"
    assert f"process {program.pid} " in seen.found("limit")["seen"]
    assert seen.found("limit")["remedies"][-1].endswith("PYLOGTAP_SPOOL_MAX_BYTES=8M")


def test_losses(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that a program had to drop are told as soon as its notice has come."""
    with own_collector(shell, monkeypatch) as collector:
        collector.kill()
        with subprocess.Popen(
            [sys.executable, shell.program(GOING_ON)],
            env=shell.environment, stdout=subprocess.PIPE,
        ) as program:  # fmt: skip
            assert program.stdout is not None
            program.stdout.readline()
            collector.start()
            deadline = time.monotonic() + 60
            while (seen := visit(shell)).state("losses") == "ok" and time.monotonic() < deadline:
                time.sleep(0.5)
            program.kill()
    assert seen.state("losses") == "problem"
    assert "spool_full" in seen.found("losses")["seen"]
    assert f"{shell.project}/checkout/web-1" in seen.found("losses")["seen"]


def test_what_dead_programs_left(shell: Shell) -> None:
    """It is counted, and the command told delivers it; what waits for another collector is a warning."""
    log(shell, KILLED)
    log(shell, KILLED, PYLOGTAP_URL=DEAD_URL)
    seen = visit(shell)
    assert seen.code == 1
    assert seen.state("left behind") == "problem"
    assert "up to 40 records of 1 ended program " in seen.found("left behind")["seen"]
    assert shell.run(*seen.found("left behind")["remedies"][-1].split()[1:]).returncode == 0
    again = visit(shell)
    assert again.code == 0
    assert again.states() == {"left behind": "warning"}
    assert DEAD_URL in again.found("left behind")["remedies"][-1]


def test_what_was_refused(shell: Shell) -> None:
    """Damaged segments are told, and gone after the command that was told."""
    log(shell, KILLED)
    (segment, *_) = sorted((shell.folder / "spool").rglob("*.seg"))
    segment.write_bytes(b"no segment at all")
    shell.run("drain")
    seen = visit(shell)
    assert seen.states() == {"refused": "warning"}
    command = seen.found("refused")["remedies"][0].partition(":  ")[2]
    subprocess.run(["bash", "-c", command], check=True)
    assert visit(shell).states() == {}


def test_no_prefix(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a prefix it says which would be used, and which programs have logged like that."""
    del shell.environment["PYLOGTAP_PREFIX"]
    with own_collector(shell, monkeypatch):
        log(shell)
        seen = visit(shell)
    assert seen.code == 0
    assert seen.states() == {"prefix": "note", "places": "warning"}
    assert "default/(name of the program)/" in seen.found("prefix")["seen"]
    assert "default/app (40 records)" in seen.found("places")["seen"]


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"PYLOGTAP_PROJECT": "shop"}, "shop/(name of the program)/"),
        ({"OTEL_SERVICE_NAME": "pay"}, "default/pay/"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.namespace=shop,service.name=pay"}, "shop/pay/"),
    ],
)
def test_prefix_from_the_environment(shell: Shell, variables: dict[str, str], place: str) -> None:
    """What the environment says of the place is shown, and no warning."""
    del shell.environment["PYLOGTAP_PREFIX"]
    shell.environment.update(variables)
    seen = visit(shell)
    assert seen.state("prefix") == "ok"
    assert f"log as {place}" in seen.found("prefix")["seen"]


def test_a_prefix_that_is_none(shell: Shell) -> None:
    """A prefix that programs would refuse is a problem."""
    shell.environment["PYLOGTAP_PREFIX"] = "a/b/c/d"
    seen = visit(shell)
    assert (seen.code, seen.state("prefix")) == (1, "problem")


def test_switched_off(shell: Shell) -> None:
    """It says when programs would keep nothing."""
    shell.environment["PYLOGTAP_DISABLED"] = "1"
    seen = visit(shell)
    assert (seen.code, seen.states()) == (1, {"disabled": "problem"})


def test_optional_packages(shell: Shell) -> None:
    """Without them it works, and says what they are good for."""
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, "doctor", "--format", "json"],
        capture_output=True, env=shell.environment, cwd=shell.folder, check=False, timeout=60,
    )  # fmt: skip
    seen = Visit(ended)
    assert (seen.code, seen.states()) == (0, {"packages": "note"})
    assert "pylogtap[fast]" in seen.found("packages")["remedies"][0]
    assert len([each for each in seen.document["findings"] if each["check"] == "packages"]) == 2


def test_people_at_a_terminal(shell: Shell) -> None:
    """A terminal gets signs and colours, a pipe words and none."""
    piped = shell.run("doctor", "--url", DEAD_URL)
    assert piped.stdout.decode().startswith("problem collector ")
    assert b"\x1b" not in piped.stdout
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "doctor", "--url", DEAD_URL],
        env={**shell.environment, "TERM": "xterm-256color"}, stdout=theirs, stderr=theirs, cwd=shell.folder,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert process.returncode == piped.returncode == 1
    assert "✘" in shown.decode()
    assert b"\x1b[" in shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize("options", [["--nope"], ["--url", "x"], ["--format", "csv"], ["more"]])
def test_wrong_usage(shell: Shell, options: list[str]) -> None:
    """What cannot be right ends it with 2 and a sentence."""
    ended = shell.run("doctor", *options)
    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr


class Impostor(http.server.BaseHTTPRequestHandler):
    """Answers as a collector of a later version might: with documents of other forms."""

    def do_GET(self) -> None:
        """Answer anything alike."""
        body = json.dumps({"status": "ok", "version": "99", "items": [{"new": "form"}, 7]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (self.path == "/metrics")))  # which breaks off
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


def test_answers_of_another_form(shell: Shell) -> None:
    """What cannot be understood is noted, and hides no other finding."""
    with other_server(Impostor) as url:
        seen = visit(shell, "--url", url)
    assert seen.code == 0
    assert seen.states() == {
        "version": "warning", "clocks": "note", "losses": "note", "places": "note", "handlers": "note",
        "containers": "note", "forwards": "note",
    }  # fmt: skip
    assert "broke off" in seen.found("clocks")["seen"]
