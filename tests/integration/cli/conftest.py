"""A collector that the commands deliver to, and what runs the commands as a user's shell would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.proofs.daemon import CollectorProcess, running_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = (sys.executable, "-c", "import sys; from pylogtap.cli import main; sys.exit(main())")
_PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CollectorProcess]:
    """A collector of one module; each test has a project of its own in it."""
    with running_daemon(tmp_path_factory.mktemp("collector")) as running:
        yield running


class Shell:
    """
    Runs our commands in an environment of its own.

    Attributes:
        collector: Where they deliver to.
        folder: Holds their spool, and whatever the test needs.
        project: Of this test alone.
        environment: Of the commands.
    """

    def __init__(self, collector: CollectorProcess, folder: Path, project: str) -> None:
        """Prepare the environment."""
        self.collector, self.folder, self.project = collector, folder, project
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP")},
            "PYLOGTAP_URL": collector.url,
            "PYLOGTAP_SPOOL_DIR": str(folder / "spool"),
        }

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [*COMMAND, *arguments], env=self.environment, cwd=self.folder, **{**pipes, **options}
        )

    def run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(
            [*COMMAND, *arguments], input=given, capture_output=True, env=self.environment,
            cwd=self.folder, timeout=120, check=False,
        )  # fmt: skip

    def program(self, text: str, name: str = "app.py") -> str:
        """Write a Python program, and return its path."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def found(self, query: str = "", least: int = 1) -> list[dict[str, Any]]:
        """
        Return this test's records, as soon as there are enough.

        Args:
            query: A query.
            least: How many are waited for.
        """
        text = f"project:{self.project} {query}"
        deadline = time.monotonic() + _PATIENCE_S
        while len(logs := list(self.collector.logs(text))) < least and time.monotonic() < deadline:
            time.sleep(0.1)
        return logs

    def messages(self, query: str = "", least: int = 1) -> list[str]:
        """Return the messages of :meth:`found`."""
        return [log["message"] for log in self.found(query, least)]


@pytest.fixture
def shell(collector: CollectorProcess, tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    """A shell whose project is named after the test."""
    name = "".join(each if each.isalnum() else "-" for each in request.node.name)
    return Shell(collector, tmp_path, f"t{name}"[:60])
