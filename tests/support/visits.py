"""Run `pylogtap doctor` beside a collector and programs that log, and read what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pylogtap_collector.proofs.daemon import SERVE, CollectorProcess, running_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.integration.cli.conftest import Shell

LOGGING = """
import logging, os, signal, pylogtap
pylogtap.init()
for number in range(20):
    logging.getLogger("shop.cart").info("put %d", number)
    logging.getLogger("other").info("seen %d", number)
"""


class Visit:
    """What the command has said."""

    def __init__(self, ended: subprocess.CompletedProcess[bytes]) -> None:
        """Read it."""
        assert not ended.stderr, ended.stderr.decode()
        self.code = ended.returncode
        self.document = json.loads(ended.stdout)

    def found(self, check: str) -> dict[str, Any]:
        """Return what one check has found; of several findings the worst."""
        order = ["ok", "note", "warning", "problem"]
        findings = [each for each in self.document["findings"] if each["check"] == check]
        return max(findings, key=lambda each: order.index(each["state"]))

    def state(self, check: str) -> str:
        """Return how good or bad that is."""
        return str(self.found(check)["state"])

    def states(self) -> dict[str, str]:
        """Return the checks that found anything but good."""
        names = {each["check"] for each in self.document["findings"]}
        return {name: self.state(name) for name in names if self.state(name) != "ok"}


def visit(shell: Shell, *options: str) -> Visit:
    """Run the command."""
    return Visit(shell.run("doctor", "--format", "json", *options))


def log(shell: Shell, text: str = LOGGING, **more: str) -> None:
    """Run a program that logs."""
    subprocess.run(
        [sys.executable, shell.program(text)], env={**shell.environment, **more}, check=False, timeout=60
    )


@contextmanager
def own_collector(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, program: str = SERVE[1], **settings: str
) -> Iterator[CollectorProcess]:
    """Run a collector for this test alone, and let the shell deliver to it."""
    for name, value in settings.items():
        monkeypatch.setenv(f"PYLOGTAP_COLLECTOR_{name.upper()}", value)
    with running_daemon(shell.folder, ("-c", program)) as collector:
        shell.environment["PYLOGTAP_URL"] = collector.url
        yield collector
