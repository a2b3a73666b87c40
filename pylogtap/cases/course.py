"""Hooks of pytest around a whole run: its begin, what is known of it meanwhile, and its end."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases import origin
from pylogtap.cases.facts import MAX_MESSAGE, shorten
from pylogtap.cases.invocation import run_facts
from pylogtap.cases.reporter import BAD
from pylogtap.cases.summary import Summary
from pylogtap.cases.warned import Warned
from pylogtap.cases.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from pylogtap.cases.facts import RunFacts
    from pylogtap.cases.guard import Guard
    from pylogtap.cases.reporter import Reporter
    from pylogtap.cases.telling import Telling
    from pylogtap.client import Client
    from pylogtap.redact import Redactor

_GIT_WAIT_S = 0.5  # at the end of a run that is over before git has answered
_OUTCOMES = {0: "passed", 1: "failed", 2: "interrupted", 5: "empty"}  # any other is an error


class Course:
    """One run, from its begin to its end."""

    def __init__(
        self,
        config: pytest.Config,
        client: Client,
        reporter: Reporter,
        telling: Telling,
        guard: Guard,
        redactor: Redactor,
        run_here: Callable[[], None],
    ) -> None:
        """
        Bind what it works with.

        Args:
            config: Of the run.
            client: Delivers.
            reporter: Tells.
            telling: Follows the cases.
            guard: Keeps our mistakes to us.
            redactor: Judges names.
            run_here: Gets ready for cases that run in this process.
        """
        self._config, self._reporter, self._telling, self._guard = config, reporter, telling, guard
        self._redactor, self._run_here = redactor, run_here
        self._summary = Summary(client, reporter, telling, guard)
        self._pid = os.getpid()
        self._session: pytest.Session | None = None
        self._finishing: int | None = None  # the exit status with which the end began
        self._began: float | None = None
        self._git: threading.Thread | None = None
        self._workers: Workers | None = None
        self._deselected = 0
        self._interrupted: str | None = None
        self._stopped: str | None = None
        self._broken: str | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Tell that the run begins."""
        self._session = session
        with self._guard:
            self._began = time.perf_counter()
            plugins = self._config.pluginmanager
            if plugins.hasplugin("dsession"):  # pytest-xdist, and this is its controller
                self._telling.every_worker = getattr(self._config.option, "dist", "") == "each"
                self._workers = self._summary.workers = Workers(self._reporter, self._telling, self._guard)
                plugins.register(self._workers, "pylogtap-workers")
            else:
                self._run_here()
            plugins.register(Warned(self._reporter, self._telling, self._guard), "pylogtap-warned")
            ci = origin.ci_facts(os.environ)
            self._reporter.begin({**run_facts(self._config, self._redactor), **ci})
            self._git = threading.Thread(target=self._ask_git, args=(ci,), daemon=True)
            self._git.start()

    def _ask_git(self, ci: RunFacts) -> None:
        """Tell of the revision when git has answered; where it knows no branch, the CI service may."""
        with self._guard:
            facts = origin.git_facts(str(self._config.rootpath))
            if facts:
                self._reporter.add({**ci, **facts})

    @pytest.hookimpl
    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what is not to run."""
        self._deselected += len(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell how many cases there are."""
        with self._guard:
            self._reporter.add({"collected": len(session.items), "deselected": self._deselected})

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember who ended the run, or where."""
        with self._guard:
            if type(excinfo.value).__name__ == "Interrupted":  # by pytest or pytest-xdist: it was enough
                self._stopped = str(excinfo.value)
                return
            said = getattr(excinfo.value, "msg", None)  # of pytest.exit
            last = excinfo.traceback[-1]
            self._interrupted = str(said) if said else f"{excinfo.exconly()} at {last.path}:{last.lineno + 1}"

    @pytest.hookimpl
    def pytest_internalerror(self, excrepr: Any, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember what went wrong in pytest or a plugin of it."""
        with self._guard:
            self._broken = f"INTERNALERROR: {excinfo.exconly()}\n{shorten(str(excrepr), MAX_MESSAGE // 2)}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, Any, Any]:
        """Tell how the run ended, when all others have had their say: they may set another exit status."""
        why, status = "", int(exitstatus)
        self._finishing = status
        try:
            result = yield
            status = int(session.exitstatus)
        except pytest.exit.Exception as error:
            why, status = (
                str(error.msg),
                int(session.exitstatus if error.returncode is None else error.returncode),
            )
            raise
        except BaseException as error:
            self._broken, status = f"pytest_sessionfinish: {type(error).__name__}: {error}", 1
            raise
        finally:
            with self._guard:
                why = why or str(session.shouldstop or session.shouldfail or "")
                self._end(status, why or _changed(int(exitstatus), status))
        return result

    def _end(self, exit_status: int, why: str) -> None:
        if self._began is None or os.getpid() != self._pid:  # a forked child goes on to the end
            return
        duration, self._began = time.perf_counter() - self._began, None
        if self._git is not None:
            self._git.join(_GIT_WAIT_S)
        if self._workers is not None:
            self._reporter.add({"deselected": self._workers.deselected})
        self._reporter.end(
            outcome=self._outcome(exit_status),
            exit_status=exit_status,
            duration=duration,
            reason=self._broken or self._interrupted or self._stopped or why or self._unseen(exit_status),
        )

    def _unseen(self, exit_status: int) -> str | None:
        """Return what there is to say of a failed run in which nothing that we know of has failed."""
        is_bad = any(self._telling.counts.get(name) for name in BAD)
        return "no test failed, but pytest's exit status is 1" if exit_status == 1 and not is_bad else None

    def _outcome(self, exit_status: int) -> str:
        counts = self._telling.counts
        if self._broken:
            return "error"
        if self._interrupted:
            return "interrupted"
        is_bad = any(counts.get(name) for name in BAD)
        if self._stopped and is_bad:  # what could not be collected kept the rest from running
            return "failed" if sum(counts.values()) > self._telling.uncollected else "error"
        return _OUTCOMES.get(exit_status, "error")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the run is found, or why not yet."""
        end = "internal error" if self._broken else "interrupted" if self._interrupted else ""
        line = self._summary.line(end)
        if self._config.option.verbose > -2:
            terminalreporter.write_line(line)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """End what has not ended, and close."""
        with self._guard:
            status = int(self._session.exitstatus) if self._session is not None else 0
            error = sys.exc_info()[1]  # what takes pytest down: old versions of pluggy skip our wrapper then
            if error is not None:
                self._broken, status = self._broken or f"{type(error).__name__}: {error}", status or 1
            if self._finishing is not None:
                self._end(status, _changed(self._finishing, status))
            else:
                self._end(status or 3, "the runner ended before the run did")
            if os.getpid() == self._pid:
                self._summary.close()


def _changed(before: int, after: int) -> str:
    """Say that somebody set another exit status; nothing where nobody did."""
    if before == after:
        return ""
    return f"a plugin or conftest.py changed the exit status from {before} to {after}"
