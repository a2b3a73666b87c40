"""Does what a page of the documentation tells its reader to do, and compares what comes of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tests.support.documents import Block

COMMANDS = Path(sys.executable).parent
DEFAULT_PORT = "8270"
_NAMED = re.compile(r"\bas\s`([\w.-]+)`")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_ID = re.compile(r"\b[0-9a-f]{32}\b")
_SECONDS = re.compile(r"\bin \d+\.\d\ds$", re.MULTILINE)  # what pytest took
_CARETS = re.compile(r"^  │ +[~^]+\n", re.MULTILINE)  # which of them Python draws depends on its version
_PATIENCE_S = 30.0
_OF_CI = {"CI", "BUILD_NUMBER"}  # by which pytest decides to shorten nothing; readers are at a terminal


class Walkthrough:
    """
    A reader who follows a page, in an empty folder, with a collector on another port than the usual one.

    A `python` block goes to the file that the sentence before it names; of a `console` block, lines that
    begin with a dollar are run and the others are what they print; `^C` ends the collector. An id that a
    command shows is taken for that of the page from then on.
    """

    def __init__(self, folder: Path, port: int, name: str = "first-logs") -> None:
        """
        Begin in an empty folder.

        Args:
            folder: The folder.
            port: A port that is free.
            name: What the page calls the folder.
        """
        self.folder, self.port, self._home = folder, str(port), f"/home/you/{name}"
        self._ids: dict[str, str] = {}  # of the page, and what they are here
        self._server: subprocess.Popen[str] | None = None
        self._environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("PYLOGTAP") and name not in _OF_CI
            },
            "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}",
            "XDG_STATE_HOME": str(folder / ".state"),
            "PYLOGTAP_URL": f"http://127.0.0.1:{port}",
            "PYLOGTAP_COLLECTOR_PORT": self.port,
            "PYTEST_ADDOPTS": "-p no:randomly",  # in the order of the page
            "COLUMNS": "80",
        }

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what still runs."""
        if self._server is not None:
            self._server.kill()
            self._server.communicate()

    def follow(self, block: Block) -> None:
        """Do what a block shows, and compare what comes of it."""
        if block.language == "python":
            (self.folder / name_of(block)).write_text(block.text, encoding="utf-8")
        elif block.text == "^C\n":
            assert self.interrupt() == 0
        else:
            for command, shown in _steps(block.text):
                self._compare(command, shown)

    def interrupt(self) -> int:
        """Stop the collector as Ctrl-C does, and return its exit code."""
        server, self._server = self._server, None
        assert server is not None, "no collector runs"
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=_PATIENCE_S)
        return server.returncode

    def _compare(self, command: str, shown: str) -> None:
        if command.startswith("pylogtap serve"):
            assert self._serve(command, shown.count("\n")) == shown
            return
        until = time.monotonic() + _PATIENCE_S
        command = _ID.sub(lambda found: self._ids.get(found[0], found[0]), command)
        wanted = _comparable(shown)
        while _comparable(printed := self._run(command)) != wanted and time.monotonic() < until:
            if not command.startswith("pylogtap query"):  # only a search may need a moment
                break
            time.sleep(0.2)
        assert _comparable(printed) == wanted, f"$ {command}\n{_comparable(printed)}--- instead of\n{wanted}"
        self._ids.update(zip(_ID.findall(shown), _ID.findall(printed), strict=True))

    def _serve(self, command: str, lines: int) -> str:
        self._server = subprocess.Popen(
            command.split(), cwd=self.folder, env=self._environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self._server.stdout is not None
        return "".join(self._server.stdout.readline() for _ in range(lines)).replace(self.port, DEFAULT_PORT)

    def _run(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self._environment, text=True, timeout=60,
            capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or command.startswith("pytest "), done.stderr  # whose tests may fail
        return done.stdout.replace(str(self.folder), self._home).replace(self.port, DEFAULT_PORT)


def name_of(block: Block) -> str:
    """Return the name of the file that a block is to be saved as."""
    name = _NAMED.search(block.before)
    assert name is not None, f"{block.name}: the sentence before it names no file"
    return name[1]


def _steps(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each prints."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _comparable(text: str) -> str:
    return _SECONDS.sub("in <s>", _ID.sub("<id>", _CARETS.sub("", _TIME.sub("<time>", text))))
