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
HOME = "/home/you/first-logs"  # what pages call the folder
_NAMED = re.compile(r"\bas `([\w.-]+)`")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_CARETS = re.compile(r"^  │ +[~^]+\n", re.MULTILINE)  # which of them Python draws depends on its version
_PATIENCE_S = 30.0


class Walkthrough:
    """
    A reader who follows a page, in an empty folder, with a collector on another port than the usual one.

    A `python` block goes to the file that the sentence before it names; of a `console` block, lines that
    begin with a dollar are run and the others are what they print; `^C` ends the collector.
    """

    def __init__(self, folder: Path, port: int) -> None:
        """
        Begin in an empty folder.

        Args:
            folder: The folder.
            port: A port that is free.
        """
        self.folder, self.port = folder, str(port)
        self._server: subprocess.Popen[str] | None = None
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP")},
            "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}",
            "XDG_STATE_HOME": str(folder / ".state"),
            "PYLOGTAP_URL": f"http://127.0.0.1:{port}",
            "PYLOGTAP_COLLECTOR_PORT": self.port,
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
            name = _NAMED.search(block.before)
            assert name is not None, f"{block.name}: the sentence before it names no file"
            (self.folder / name[1]).write_text(block.text, encoding="utf-8")
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
        while (printed := self._run(command)) != _comparable(shown) and time.monotonic() < until:
            if not command.startswith("pylogtap query"):  # only a search may need a moment
                break
            time.sleep(0.2)
        assert printed == _comparable(shown), f"$ {command}\n{printed}--- instead of\n{_comparable(shown)}"

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
        assert done.returncode == 0, done.stderr
        return _comparable(done.stdout.replace(str(self.folder), HOME).replace(self.port, DEFAULT_PORT))


def _steps(text: str) -> list[tuple[str, str]]:
    """Split a console block into commands and what each prints."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _comparable(text: str) -> str:
    return _CARETS.sub("", _TIME.sub("<time>", text))
