"""The two commands of the README: what bootstrap.py says and leaves alone; `.ci/run` tries them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import bootstrap
from tests.support.documents import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an environment that is set up for the tests, and return its stamp."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "PYTHON", python)
    stamp = tmp_path / ".set-up-for-test"
    stamp.write_text(bootstrap.fingerprint(), encoding="utf-8")
    return stamp


def test_readme_commands() -> None:
    """The README's commands are those that bootstrap.py knows, and CI runs the one for the tests."""
    shown = [
        line.split("#")[0].split() for line in blocks(ROOT / "README.md", "console")[0].text.splitlines()
    ]
    assert shown == [["$", "python3", "bootstrap.py", what] for what in bootstrap.PROGRAMS]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"^step .* python3 bootstrap\.py test( -n \d+ --dist \w+)?$", script, re.MULTILINE)


def test_usage() -> None:
    """Without a command it says which there are, and fails."""
    process = subprocess.run(
        [sys.executable, str(ROOT / "bootstrap.py")], capture_output=True, text=True, check=False, timeout=60
    )
    assert process.returncode == 1
    assert "python3 bootstrap.py demo" in process.stderr


def test_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that is too old gets a sentence that says what to do."""
    monkeypatch.setattr(bootstrap, "LEAST", (99, 0))
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer.*start this file with another"):
        bootstrap.main(["test"])


def test_second_run_is_quick(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set up for these very files is not set up again."""
    started: list[object] = []
    monkeypatch.setattr(bootstrap, "run", started.append)
    bootstrap.set_up("test")
    assert started == []
    assert ready.is_file()


def test_changed_dependencies(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once dependencies have changed, they are installed again, each version as it is pinned."""
    started: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "run", started.append)
    monkeypatch.setattr(bootstrap, "bring_pip", lambda: None)
    ready.write_text("of other files", encoding="utf-8")
    bootstrap.set_up("test")
    assert len(started) == 2
    assert all(str(bootstrap.CONSTRAINTS) in command for command in started)
    assert ready.read_text(encoding="utf-8") == bootstrap.fingerprint()


def test_no_pip_to_be_had(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every way to get pip fails, it names the package that helps."""
    assert ready.is_file()
    monkeypatch.setattr(bootstrap, "tried", lambda *_: False)
    with pytest.raises(SystemExit, match="apt-get install python3-venv"):
        bootstrap.bring_pip()


def test_failing_command() -> None:
    """A command that fails ends everything, and is named with its exit code."""
    with pytest.raises(SystemExit, match="exit code 3"):
        bootstrap.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_ci_script_is_well_formed() -> None:
    """What CI runs is a script that can be started, and bash can read it."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=60)
