"""`pylogtap verify`: it tries promises on the user's machine, says what it saw, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from click.testing import CliRunner

from pylogtap_collector.cli import verdicts
from pylogtap_collector.cli.verify import verify
from pylogtap_collector.proofs import essential
from pylogtap_collector.proofs.ground import Extent, Ground, Proof
from pylogtap_collector.proofs.promises import PROMISES
from tests.integration.cli.conftest import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap_collector.proofs.promises import Seen

KEY = "application-killed"
_PATIENCE_S = 60.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the variables of a user whose settings point elsewhere."""
    (folder / "tmp").mkdir(exist_ok=True)
    return os.environ | {
        "TMPDIR": str(folder / "tmp"),
        "PYLOGTAP_URL": "http://127.0.0.1:1",
        "PYLOGTAP_SPOOL_DIR": str(folder / "spool-of-the-user"),
        "PYLOGTAP_COLLECTOR_DATA": str(folder / "data-of-the-user"),
        "PYLOGTAP_DISABLED": "true",
        **more,
    }


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command."""
    return subprocess.Popen(
        [*COMMAND, "verify", *arguments],
        env=environment(folder),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_promise_is_kept(tmp_path: Path) -> None:
    """It shows what was promised beside what was seen, and the seed, and touches nothing of the user's."""
    done = start(tmp_path, "--quick", "--only", KEY, "--seed", "7")
    output, errors = done.communicate(timeout=_PATIENCE_S)
    assert (done.returncode, errors) == (0, "")
    told = " ".join(output.split())
    assert f"✓ {PROMISES[KEY].fault}" in told
    assert f"promised {PROMISES[KEY].figure}" in told
    assert re.search(r"seen 3 kills, [\d,]+ calls returned: 0 lost, 0 duplicated, 0 torn", told)
    assert re.search(r"✓ 1 of 1 promises kept in \d+ s; seed 7$", told)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["tmp"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_json_has_an_object_for_each_promise(tmp_path: Path) -> None:
    """Damaged segments: what programs get has the same, and a seed that was chosen."""
    done = start(tmp_path, "--quick", "--only", "segments-damaged", "--format", "json")
    output, errors = done.communicate(timeout=_PATIENCE_S)
    assert (done.returncode, errors) == (0, "")
    (row,) = map(json.loads, output.splitlines())
    assert (row["key"], row["kept"]) == ("segments-damaged", True)
    assert row["promised"] == PROMISES["segments-damaged"].figure
    assert isinstance(row["seed"], int)
    hit, aside = map(int, re.findall(r"^(\d+) of .* hit: (\d+) set aside", row["seen"])[0])
    assert hit >= aside > 0


def lose_everything(ground: Ground) -> Iterator[Seen]:
    """Do what no spool survives: remove it. A proof that does not see that sees nothing."""
    with ground.campaign() as (campaign, _):
        campaign.proxy.refusing = True
        run = campaign.start()
        time.sleep(0.2)
        run.kill()
        shutil.rmtree(campaign.spool)
        verdict = campaign.verdict(patience_s=0)
        yield ground.seen(KEY, f"{verdict.returned:,} calls returned: {verdict}", kept=verdict.faults == 0)


def break_off(ground: Ground) -> Iterator[Seen]:
    """Break off, as a proof does whose collector does not start."""
    with ground.campaign() as (_, collector):
        collector.kill()
        collector.count()
    yield ground.seen(KEY, "never", kept=True)


@pytest.mark.parametrize(
    ("proof", "seen", "form"),
    [
        (lose_everything, "lost", "text"),
        (break_off, "broke off: URLError", "text"),
        (break_off, "broke off: URLError", "markdown"),
    ],
    ids=["lost", "broken off", "markdown"],
)
def test_a_promise_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proof: object, seen: str, form: str
) -> None:
    """What was seen is told, the exit code is 1, and the last line says how to try it again."""
    monkeypatch.setattr(essential, "PROOFS", (Proof((KEY,), proof),))  # type: ignore[arg-type]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    result = CliRunner().invoke(
        verify, ["--only", KEY, "--seed", "7", "--format", form], standalone_mode=False
    )
    told = " ".join(result.output.split())
    assert result.return_value == 1
    assert "✗" in told
    assert seen in told
    assert "0 lost, 0 duplicated, 0 torn" in told
    if form == "text":
        assert told.endswith(f"the same again: pylogtap verify --seed 7 --only {KEY}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [True, False])
def test_nobody_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, kept: bool) -> None:
    """Where whoever read it has left, as `head` does, all is tried, and the exit code tells what came out."""
    tried: list[Ground] = []

    def proof(ground: Ground) -> Iterator[Seen]:
        tried.append(ground)
        yield ground.seen(KEY, "it", kept=kept)

    def left(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(essential, "PROOFS", (Proof((KEY,), proof),) * 2)
    monkeypatch.setattr(verdicts.TextReport, "write", left)
    monkeypatch.setattr(verdicts.TextReport, "close", left)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = CliRunner().invoke(verify, ["--only", KEY], standalone_mode=False)
    assert result.return_value == (0 if kept else 1)
    assert len(tried) == 2


def test_unknown_promise(tmp_path: Path) -> None:
    """Who misspells a name is told those that there are."""
    done = start(tmp_path, "--only", "application-kiled")
    _, errors = done.communicate(timeout=_PATIENCE_S)
    assert done.returncode == 2
    assert KEY in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_in_the_midst(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C ends all its processes, and removes its folder."""
    done = start(tmp_path, "--only", "collector-killed")
    deadline = time.monotonic() + _PATIENCE_S
    children: list[psutil.Process] = []
    while len(children) < 3 and time.monotonic() < deadline:  # the collector and two applications
        time.sleep(0.05)
        children = psutil.Process(done.pid).children(recursive=True)
    done.send_signal(number)
    done.communicate(timeout=_PATIENCE_S)
    assert done.returncode == 130
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize(("columns", "colour"), [(80, True), (120, True), (120, False)])
def test_on_a_terminal(tmp_path: Path, columns: int, *, colour: bool) -> None:
    """It fits the terminal, and is coloured where that is wanted."""
    more = {"COLUMNS": str(columns), "TERM": "xterm-256color"} | ({} if colour else {"NO_COLOR": "1"})
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "verify", "--quick", "--only", KEY, "--seed", "7"],
        env=environment(tmp_path, **more),
        cwd=tmp_path,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    process.communicate(timeout=_PATIENCE_S)
    printed = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # so does Linux tell that nobody writes any more
            break
        if not piece:
            break
        printed += piece
    os.close(ours)
    text = printed.decode()
    assert ("\x1b[32m" in text or "\x1b[1;32m" in text) == colour
    lines = re.sub(r"\x1b\[[\d;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= columns
    assert any("WHAT GOES WRONG" in line for line in lines) == (columns == 120)
    assert process.returncode == 0


def test_what_is_too_quick_to_judge_says_so(tmp_path: Path) -> None:
    """A time beyond what is promised is no failure of the quick extent, but marked; of others it is one."""
    quick, usual = (Ground(tmp_path, 1, extent) for extent in (Extent.QUICK, Extent.USUAL))
    assert quick.seen("sink-calls", "9 times", kept=True, in_time=True).figure == "9 times"
    late = quick.seen("sink-calls", "9 times", kept=True, in_time=False)
    assert (late.kept, late.figure) == (True, "9 times (too short a run to judge times)")
    assert not quick.seen("sink-calls", "9 times", kept=False, in_time=False).kept
    assert not usual.seen("sink-calls", "9 times", kept=True, in_time=False).kept
