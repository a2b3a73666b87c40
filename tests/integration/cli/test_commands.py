"""The command line as a whole: what is installed, what a command loads, what an error looks like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import msgpack
import pytest

import pylogtap
from pylogtap.cli.commands import TABLE
from tests.integration.cli.conftest import COMMAND

LOADED = """
import sys
from pylogtap.cli.commands import run
code = run(sys.argv[1:])
import json
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""
COLLECTORS = {name for name, entry in TABLE.items() if not entry.home}


@pytest.fixture
def client_alone(tmp_path: Path) -> list[str]:
    """A Python that has the client with what it depends on, and nothing else: no collector, no rich."""
    for module in (pylogtap, click, msgpack):
        assert module.__file__ is not None
        home = Path(module.__file__).parent
        (tmp_path / home.name).symlink_to(home)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {COMMAND[-1]}"
    return [sys.executable, "-I", "-S", "-c", code]


def called(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", sorted(COLLECTORS))
def test_without_the_collector(client_alone: list[str], name: str) -> None:
    """Where the client alone is installed, the collector's commands say what to install."""
    ended = called(client_alone, name)
    assert ended.returncode == 1
    assert ended.stderr == (
        f"pylogtap: `pylogtap {name}` needs the collector, which is not installed here\n"
        "  pip install 'pylogtap[collector]'\n"
    )


@pytest.mark.parametrize("name", sorted(TABLE.keys() - COLLECTORS))
def test_the_client_has_its_commands(client_alone: list[str], name: str) -> None:
    """All other commands need the client alone, and their help shows an example."""
    ended = called(client_alone, name, "--help")
    assert ended.returncode == 0, ended.stderr
    assert f"  pylogtap {name}" in ended.stdout.partition("Example")[2]


def test_without_colours(client_alone: list[str]) -> None:
    """What needs no collector works without the optional packages, and says what they are good for."""
    ended = called(client_alone, "doctor", "--url", "http://127.0.0.1:9", "--format", "json")
    assert ended.returncode == 1, ended.stderr
    seen = [each["seen"] for each in json.loads(ended.stdout)["findings"] if each["check"] == "packages"]
    assert any("rich is not installed" in each for each in seen)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_help_loads_little(arguments: list[str]) -> None:
    """Help comes quickly: neither the client's engine nor the collector is loaded for it."""
    ended = called([sys.executable, "-c", LOADED], *arguments)
    assert ended.returncode == 0, ended.stderr
    loaded = set(json.loads(ended.stderr))
    assert "click" in loaded
    assert not loaded & {"pylogtap_collector", "aiohttp", "msgpack", "rich", "zstandard", "asyncio", "ssl"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["query", "--limit", "x"],
        ["pipe", "--prefix", "not a prefix"],
        ["run", "--nope"],
        ["tail", "--url", "ftp://x"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    """What cannot be right ends with 2 and a sentence, never with a traceback."""
    ended = called([*COMMAND], *arguments)
    assert ended.returncode == 2
    assert ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("form", "package"), [("parquet", "pylogtap[parquet]"), ("sqlite", "pylogtap[collector]")]
)
def test_formats_that_need_a_package(
    client_alone: list[str], tmp_path: Path, form: str, package: str
) -> None:
    """Where a format's package is missing, the export says what to install before it asks any collector."""
    target = tmp_path / "out"
    ended = called(client_alone, "export", "--format", form, "--output", str(target))
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"which is not installed here\n  pip install '{package}'\n")
    assert not target.exists()
