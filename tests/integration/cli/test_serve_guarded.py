"""`pylogtap serve` beyond this machine: only with something to come in by, and never silently unencrypted."""

from __future__ import annotations

import re
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pylogtap.cli.api import Api
from pylogtap_collector.proofs.daemon import CollectorProcess
from tests.integration.cli.conftest import Shell
from tests.support.access import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIDE = ("serve", "--host", "0.0.0.0", "--port", "0")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell beside a collector that does not run; its folder's name needs quotes."""
    return Shell(CollectorProcess(tmp_path / "my data", tmp_path / "collector.log"), tmp_path, "shop")


@contextmanager
def serving(shell: Shell, *options: str) -> Iterator[tuple[str, str]]:
    """Start it beyond this machine, and yield its address for this one, and all that it announces."""
    with (shell.folder / "errors").open("wb") as errors, shell.start(
        *WIDE, *options, stderr=errors
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = ""
        while "  data  " not in said and (line := process.stdout.readline().decode()):
            said += line
        found = re.search(r"  page  (\S+)/$", said, re.MULTILINE)
        try:
            assert found is not None, (shell.folder / "errors").read_text()
            yield found[1], said
        finally:
            process.terminate()
            rest = process.stdout.read().decode()
            process.wait(30)
            (shell.folder / "announced").write_text(said + rest)


def warnings(shell: Shell) -> list[str]:
    """Return the warnings that it logged."""
    return [line for line in (shell.folder / "errors").read_text().splitlines() if " WARNING " in line]


@pytest.mark.parametrize("kind", ["user", "key"])
def test_the_remedy_works(shell: Shell, kind: str) -> None:
    """Without account and key it refuses; after the command that it names, it serves."""
    data = shell.collector.data
    refused = shell.run(*WIDE, "--data", str(data))
    assert refused.returncode == 1
    assert not refused.stdout
    told = refused.stderr.decode()
    assert "neither account nor key" in told
    (command,) = re.findall(rf"pylogtap ({kind} add NAME .*)$", told, re.MULTILINE)
    assert f"--data '{data}'" in command
    done = shell.run(*shlex.split(command.replace("NAME", "ada")), given=PASSWORD.encode())
    assert done.returncode == 0, done.stderr.decode()
    with serving(shell, "--data", str(data)) as (url, _):
        if kind == "user":
            Api(url, None).post("/api/v1/sessions", {"name": "ada", "password": PASSWORD})
        else:
            assert Api(url, done.stdout.decode().strip()).get("/api/v1/me")["admin"] is True
        assert Api(url, None).get("/api/v1/me")["kind"] == "nobody"
    assert ("  code  " in (shell.folder / "announced").read_text()) is (kind == "key")
    (warning,) = warnings(shell)
    assert "unencrypted" in warning
    assert "docs/how-to/serve-over-tls.md" in warning


def test_a_key_of_the_environment(shell: Shell) -> None:
    """It is something to come in by; a proxy that is named may be trusted to encrypt."""
    shell.environment["PYLOGTAP_KEY"] = "the-key-of-the-environment"
    shell.environment["PYLOGTAP_COLLECTOR_PROXIES"] = "10.0.0.1"
    with serving(shell, "--data", str(shell.collector.data)) as (url, _):
        assert Api(url, "the-key-of-the-environment").get("/api/v1/me")["kind"] == "server_key"
    assert warnings(shell) == []


def test_a_key_of_a_program(shell: Shell) -> None:
    """One that a collector made does not count for itself, and it says so."""
    shell.environment["PYLOGTAP_KEY"] = "plt_aaaaaaaaaa_a-secret"
    told = shell.run(*WIDE, "--data", str(shell.collector.data)).stderr.decode()
    assert "plt_…, was made by a collector: it does not count" in told
    assert "a-secret" not in told


def test_in_memory(shell: Shell) -> None:
    """A collector in memory has no folder for accounts: it is told to take a key of the environment."""
    refused = shell.run(*WIDE, "--memory")
    assert refused.returncode == 1
    assert b"export PYLOGTAP_KEY=$(" in refused.stderr
    assert b"--data" not in refused.stderr


def test_this_machine_alone_needs_nothing(shell: Shell) -> None:
    """On the loopback it starts without, warns of nothing, and prints the code for the first account."""
    shell.collector.start()
    assert shell.collector.stop() == 0
    text = (shell.folder / "collector.log").read_text()
    assert re.search(
        rf"  code  ((?:\w{{4}}-){{2}}\w{{4}})  makes the first account: {shell.collector.url}/sign-in, "
        rf"or pylogtap user add NAME --code \1 --url {shell.collector.url}\n",
        text,
    )
    assert "WARNING" not in text
