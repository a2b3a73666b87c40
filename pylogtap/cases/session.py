"""Sets the plugin up for one run of pytest: in the only process, in a controller, in a worker."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases.course import Course
from pylogtap.cases.guard import Guard
from pylogtap.cases.invocation import run_prefix
from pylogtap.cases.items import Items
from pylogtap.cases.logs import CaseHandler, Logs, level_of
from pylogtap.cases.reporter import Reporter
from pylogtap.cases.running import Attaching, Running
from pylogtap.cases.silent import Silent
from pylogtap.cases.summary import WORKER_EXIT_S
from pylogtap.cases.telling import Telling
from pylogtap.client import Client
from pylogtap.context import redactor
from pylogtap.prefix import Prefix
from pylogtap.settings import load

if TYPE_CHECKING:
    from pylogtap.settings import Settings

# Python 3.12 and later warn of a fork where there is any other thread, and we have one that delivers.
_FORKS = "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"


def begin(config: pytest.Config) -> None:
    """
    Set up. What is wrong with the settings is said in the terminal, and is no failure of the run.

    Args:
        config: Of the run.
    """
    try:
        settings = _settings(config)
        if settings.disabled:
            return
        level = level_of(_given(config, "pylogtap_log_level"))
        if hasattr(config, "workerinput"):
            _begin_worker(config, settings, level)
        else:
            _begin_run(config, settings, level)
        if sys.version_info >= (3, 12):
            config.addinivalue_line("filterwarnings", _FORKS)
    except Exception as error:  # noqa: BLE001 - whatever keeps us from telling of a run, the run goes on
        config.pluginmanager.register(Silent(f"{error}" or type(error).__name__), "pylogtap-silent")


def _given(config: pytest.Config, name: str) -> str | None:
    """Return a value of the command line, the environment or the ini file; None: there is none."""
    value = getattr(config.option, name, None) or os.environ.get(name.upper()) or config.getini(name)
    return str(value) if value else None


def _settings(config: pytest.Config) -> Settings:
    if hasattr(config, "workerinput"):
        prefix = str(config.workerinput["pylogtap_prefix"])
    else:
        read = load(prefix=_given(config, "pylogtap_prefix"))
        prefix = str(run_prefix(read.prefix, config.rootpath, os.environ))
    return load(prefix=prefix, url=_given(config, "pylogtap_url"))


def _begin_run(config: pytest.Config, settings: Settings, level: int | None) -> None:
    guard = Guard()
    client = Client(settings)  # our own: the code under test may shut its clients down
    reporter = Reporter(client, str(client.prefix))
    telling = Telling(reporter, str(config.rootpath), redactor, guard)

    def run_here() -> None:
        items = Items(reporter.run, "", redactor, every_worker=False)
        telling.running = Running(items, _logs(config, client, level), guard, telling)
        config.pluginmanager.register(telling.running, "pylogtap-running")

    course = Course(config, client, reporter, telling, guard, redactor, run_here)
    config.pluginmanager.register(telling, "pylogtap-telling")
    config.pluginmanager.register(course, "pylogtap-course")


def _begin_worker(config: pytest.Config, settings: Settings, level: int | None) -> None:
    given: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]
    guard = Guard()
    client = Client(replace(settings, exit_timeout_s=min(WORKER_EXIT_S, settings.exit_timeout_s)))
    client.told = True  # the controller tells
    items = Items(
        given["pylogtap_run"], given["workerid"], redactor, every_worker=given["pylogtap_every_worker"]
    )
    running = Running(items, _logs(config, client, level), guard, None)
    config.pluginmanager.register(running, "pylogtap-running")
    config.pluginmanager.register(Attaching(running, guard), "pylogtap-attaching")
    config.pluginmanager.register(Closing(client, guard), "pylogtap-closing")


def _logs(config: pytest.Config, client: Client, level: int | None) -> Logs | None:
    """
    Return what sends records, where it changes nothing for the tests.

    Without pytest's own handlers, a handler of ours would be the only one, and what tests log would no
    longer be printed.
    """
    if level is None and not config.pluginmanager.hasplugin("logging"):
        return None
    return Logs(CaseHandler(client, Prefix.parse(str(client.prefix))), level)


class Closing:
    """Ends a worker: what it cannot deliver at once stays for its controller."""

    def __init__(self, client: Client, guard: Guard) -> None:
        """
        Bind a client.

        Args:
            client: Of the worker.
            guard: Keeps our mistakes to us.
        """
        self._client, self._guard, self._pid = client, guard, os.getpid()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Deliver, and close."""
        with self._guard:
            if os.getpid() == self._pid:
                self._client.shutdown()
