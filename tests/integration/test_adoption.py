"""What a killed program left on the collector's machine is taken in without anybody's help."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pylogtap.cli.api import Api
from pylogtap_collector.proofs.daemon import SERVE, running_daemon
from pylogtap_collector.services.adoption import leads_here

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess

PROGRAM = """
import logging, os, signal, pylogtap
pylogtap.init("shop/checkout/web-1")
for number in range(100):
    logging.info("last words %d", number)
os.kill(os.getpid(), signal.SIGKILL)
"""
_PATIENCE_S = 40.0


def be_killed(collector: CollectorProcess) -> None:
    """Run a program that logs and is killed, while nobody takes anything."""
    collector.kill()
    environment = {
        **os.environ,
        "PYLOGTAP_URL": collector.url.replace("127.0.0.1", "localhost"),
        "PYLOGTAP_SPOOL_DIR": str(collector.spool),
        "PYLOGTAP_CONSOLE": "off",
    }
    ended = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL


def wait_for_adoption(collector: CollectorProcess) -> None:
    """Start the collector, and wait until nothing is left."""
    collector.start()
    deadline = time.monotonic() + _PATIENCE_S
    while list(collector.spool.glob("*/*.seg")) and time.monotonic() < deadline:
        time.sleep(0.2)


def test_what_a_killed_program_left_is_found(tmp_path: Path) -> None:
    """A program logs, cannot deliver and is killed; the collector on its machine finds every record."""
    with running_daemon(tmp_path) as collector:
        be_killed(collector)
        wait_for_adoption(collector)
        numbers = [log["message"] for log in collector.logs("project:shop service:checkout")]
    assert numbers == [f"last words {number}" for number in range(100)]
    assert not list(collector.spool.glob("*/*.seg*"))  # nothing left, nothing set aside


def command(collector: CollectorProcess, *arguments: str) -> str:
    """Run a command on the collector's folder, and return what it printed."""
    done = subprocess.run(
        [sys.executable, *SERVE, *arguments, "--data", str(collector.data)],
        input="correct horse battery", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_where_everybody_needs_a_key(tmp_path: Path) -> None:
    """A collector with accounts, and no key in its environment, takes it in by a key of its own."""
    with running_daemon(tmp_path) as collector:
        be_killed(collector)
        command(collector, "user", "add", "ada")
        key = command(collector, "key", "add", "me", "--project", "shop", "--role", "read")
        wait_for_adoption(collector)
        found = list(Api(collector.url, key).items("/api/v1/logs", q="service:checkout"))
    assert len(found) == 100
    assert not list(collector.spool.glob("*/*.seg*"))


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8270", True),
        ("http://localhost:8270", True),
        ("http://[::1]:8270", True),
        ("http://127.0.0.1:8271", False),
        ("https://127.0.0.1:8270", False),
        ("http://logs.example:8270", False),
        ("nonsense", False),
        ("http://127.0.0.1:port", False),
    ],
)
def test_only_what_was_meant_for_this_collector(url: str, here: bool) -> None:
    """Records for another collector stay where they are."""
    assert leads_here(url, "127.0.0.1", 8270) is here


@pytest.mark.parametrize(
    ("url", "port", "here"),
    [
        ("https://127.0.0.1:8270", 8270, True),
        ("https://logs.example", 443, True),
        ("http://127.0.0.1:8270", 8270, False),
        ("http://logs.example:443", 443, False),
    ],
)
def test_with_a_certificate_only_https_leads_here(url: str, port: int, here: bool) -> None:
    """A collector that speaks TLS cannot be delivered to without it."""
    assert leads_here(url, "logs.example", port, secure=True) is here
