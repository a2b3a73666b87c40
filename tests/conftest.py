"""What holds for all tests: where a browser was promised, a browser test that is skipped has failed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from pylogtap_collector.proofs.promises import BROKE_OFF, Seen

if TYPE_CHECKING:
    from collections.abc import Generator

os.environ.setdefault("PYLOGTAP_COLLECTOR_RESERVE_BYTES", "0")  # hundreds of databases need none of it
# What happens on this machine is no part of what a test has made; those of containers and hosts switch it on.
os.environ.setdefault("PYLOGTAP_COLLECTOR_DOCKER", "off")
os.environ.setdefault("PYLOGTAP_COLLECTOR_HOST_METRICS", "false")
# Where logfire is installed, pydantic would load it into each process; our tests of it start their own.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# Hundreds of processes start: without its bytecode, each would compile all our code anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell starts what runs in the background deaf to Ctrl-C, and our children would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# No test is about how long something takes, and a busy machine takes long.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
NOTES = "PYLOGTAP_FAULT_NOTES"  # see tests/faults/conftest.py
REQUIRED = "PYLOGTAP_REQUIRE_BROWSER"  # set by .ci/run, which installs one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip of a browser test into a failure, where one has to be; note fault tests that break off."""
    report = yield
    if report.skipped and os.environ.get(REQUIRED) and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"skipped although {REQUIRED} is set: {report.longrepr}"
    notes, fixtures = os.environ.get(NOTES), getattr(item, "fixturenames", ())
    if notes and report.failed and "saw" in fixtures and ("kept", False) not in item.user_properties:
        Seen(BROKE_OFF, f"{item.name} ({report.when})", kept=False).append_to(Path(notes))
    return report
