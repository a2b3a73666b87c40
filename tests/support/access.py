"""Collectors to which access is given, both ways that commands have: by the API, and in the folder."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pylogtap.cli.api import Api
from pylogtap_collector.proofs.daemon import running_daemon
from tests.integration.cli.conftest import Shell

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

PASSWORD = "correct horse battery"
SERVER_KEY = "the-key-of-the-environment"
PROJECT = "shop"
_CODE = re.compile(r"^  code  (\S+)  makes the first account: ", re.MULTILINE)


class Place:
    """
    A collector, or a folder of one that does not run, and the commands that give access there.

    Attributes:
        shell: Runs the commands.
        options: That say where.
    """

    def __init__(self, shell: Shell, options: tuple[str, ...] = ()) -> None:
        """Bind both."""
        self.shell, self.options = shell, options

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return self.shell.run(*arguments, *self.options, given=given.encode())

    def said(self, *arguments: str, given: str = "") -> str:
        """Run a command that has to succeed, and return what it printed."""
        ended = self.run(*arguments, given=given)
        assert ended.returncode == 0, ended.stderr.decode()
        return ended.stdout.decode()

    def refused(self, *arguments: str, given: str = "") -> str:
        """Run a command that has to fail, and return what it said."""
        ended = self.run(*arguments, given=given)
        assert ended.returncode in {1, 2}, ended.stdout.decode()
        assert not ended.stdout
        assert b"Traceback" not in ended.stderr
        return ended.stderr.decode()


@contextmanager
def fresh(folder: Path) -> Iterator[Shell]:
    """Run a collector that nobody has access to yet but this machine, and yield a shell that asks it."""
    with running_daemon(folder) as collector:
        yield Shell(collector, folder, PROJECT)


@contextmanager
def place(way: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """
    Yield where access is given, with a project `shop`.

    Args:
        way: `api` or `data`.
        folder: Of the database and all else.
        monkeypatch: Sets the collector's environment.
    """
    if way == "api":
        monkeypatch.setenv("PYLOGTAP_COLLECTOR_KEY", SERVER_KEY)
    with fresh(folder) as shell:
        key = SERVER_KEY if way == "api" else None
        Api(shell.collector.url, key).post("/api/v1/projects", {"name": PROJECT})
        if way == "api":
            shell.environment["PYLOGTAP_KEY"] = SERVER_KEY
            yield Place(shell)
        else:
            assert shell.collector.stop() == 0
            yield Place(shell, ("--data", str(shell.collector.data)))


def printed_code(folder: Path) -> str | None:
    """Return the code that the collector printed when it started last; None: it printed none."""
    text = (folder / "collector.log").read_text().rpartition("pylogtap collector at")[2]
    found = _CODE.search(text)
    return None if found is None else found[1]
