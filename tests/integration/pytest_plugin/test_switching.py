"""How the plugin is switched on and told where to; what it prints; and that it never harms a run."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.spooled import DEAD_URL
from tests.support.told import XDIST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.told import SuiteRun

PASSING = "def test_it(): pass\n"


@pytest.fixture
def passing(suite: SuiteRun) -> SuiteRun:
    """Return a suite of one test that passes."""
    suite.write(test_it=PASSING)
    return suite


def test_off_is_the_default(passing: SuiteRun) -> None:
    """Without a switch nothing is told, nothing printed, no spool made."""
    ran = passing.run(on=())
    assert ran.status == 0
    assert "pylogtap:" not in ran.output
    assert not passing.spool.exists()


@pytest.mark.parametrize(
    ("ini", "environment", "words", "is_on"),
    [
        ("true", None, (), True),
        ("true", "0", (), False),
        ("false", "1", (), True),
        ("true", "1", ("--no-pylogtap",), False),
        ("false", "0", ("--pylogtap",), True),
    ],
)
def test_the_command_line_counts_before_the_environment_before_the_file(
    passing: SuiteRun, ini: str, environment: str | None, words: tuple[str, ...], is_on: bool
) -> None:
    """The switch can be set in three places."""
    (passing.folder / "pytest.ini").write_text(f"[pytest]\npylogtap = {ini}\n")
    if environment is not None:
        passing.environment["PYLOGTAP"] = environment
    assert bool(passing.run(*words, on=()).told.ids) == is_on


def test_the_place_can_be_set_in_three_places(passing: SuiteRun) -> None:
    """Prefix and address likewise; a prefix may be incomplete."""
    (passing.folder / "pytest.ini").write_text(
        "[pytest]\npylogtap_prefix = a/b/ini\npylogtap_url = http://127.0.0.1:7\n"
    )
    del passing.environment["PYLOGTAP_URL"]
    ran = passing.run()
    assert ran.told.prefixes == {"a/b/ini"}
    assert (next(passing.spool.glob("*/destination"))).read_text() == "http://127.0.0.1:7\n"
    shutil.rmtree(passing.spool)
    passing.environment["PYLOGTAP_PREFIX"] = "a/b/environment"
    assert passing.run().told.prefixes == {"a/b/environment"}
    shutil.rmtree(passing.spool)
    assert passing.run("--pylogtap-prefix=x/y/z").told.prefixes == {"x/y/z"}


def test_a_run_within_a_test_is_none_of_its_own(passing: SuiteRun) -> None:
    """What a test of a plugin starts inherits the environment, and tells nothing unless it asks to."""
    passing.environment["PYLOGTAP"] = "1"
    passing.write(
        test_it="import subprocess, sys\ndef test_it():\n"
        "    subprocess.run([sys.executable, '-m', 'pytest', '-p', 'pylogtap', 'inner.py'], check=True)\n",
        inner=PASSING,
    )
    told = passing.run(on=()).told
    assert len(told.ids) == 1
    assert set(told.outcomes()) == {"test_it"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--pylogtap-prefix=a//b",), "prefix"),
        (("--pylogtap-url=nowhere",), "http://"),
        (("--pylogtap-log-level=loud",), "LOUD"),
    ],
)
def test_a_wrong_setting_is_said_and_harms_nothing(
    passing: SuiteRun, words: tuple[str, ...], why: str
) -> None:
    """The run goes on as without us, and says why nothing is told of it."""
    ran = passing.run(*words)
    assert ran.status == 0
    assert "pylogtap: nothing is told of this run: " in ran.output
    assert why in ran.output


@pytest.mark.parametrize("words", [(), (*XDIST, "-n1")], ids=["one", "n1"])
def test_a_switch_that_is_neither_on_nor_off_is_said(passing: SuiteRun, words: tuple[str, ...]) -> None:
    """Nothing is told then, and the run says why; what counts before the environment silences that."""
    passing.environment["PYLOGTAP"] = "banana"
    ran = passing.run(*words, on=())
    assert ran.status == 0
    assert "pylogtap: nothing is told of this run: PYLOGTAP='banana' is neither on (1, " in ran.output
    assert not passing.spool.exists()
    assert "banana" not in passing.run(*words, on=("--no-pylogtap",)).output
    assert passing.run(*words).told.outcomes() == {"test_it": "passed"}
    passing.environment["PYLOGTAP"] = "OFF"
    assert "pylogtap:" not in passing.run(*words, on=()).output


def test_a_mistake_of_ours_harms_nothing(passing: SuiteRun) -> None:
    """An exception within the plugin is said once at the end; the run is as green as without us."""
    passing.write(
        conftest="from pylogtap.cases.progress import Progress\n"
        "def broken(*_): raise RuntimeError('our mistake')\n"
        "Progress.take = broken\n",
        test_it="def test_one(): pass\ndef test_two(): pass\n",
    )
    for words in ((), (*XDIST, "-n1")):
        ran = passing.run(*words)
        assert ran.status == 0, ran.output
        assert ran.output.count("RuntimeError: our mistake") == 1


def test_results_wait_while_no_collector_answers(passing: SuiteRun) -> None:
    """The last line says where they wait, and why; `-q -q` says nothing."""
    ran = passing.run()
    line = next(each for each in ran.output.splitlines() if each.startswith("pylogtap:"))
    assert line.startswith("pylogtap: 0 failed of 1, the results wait in ")
    assert str(passing.spool) in line
    assert "refused" in line
    assert "pylogtap:" not in passing.run("-q", "-q").output


@pytest.mark.parametrize(
    ("body", "words", "line"),
    [
        ("def test_it(): pass", ("-k", "nothing"), "no test ran, the results"),
        ("1 / 0", (), "no test ran, 1 could not be collected, the results"),
        ("import pytest\ndef test_it(): pytest.exit('enough')", (), "interrupted, no test ran, the results"),
        ("def test_it(): assert 0", (), "1 failed of 1, the results"),
    ],
    ids=["empty", "uncollected", "left", "failed"],
)
def test_the_last_line_claims_nothing_of_what_did_not_run(
    suite: SuiteRun, body: str, words: tuple[str, ...], line: str
) -> None:
    """What could not be collected is no test that failed, and nothing is not 0 of 0."""
    suite.write(test_it=body)
    assert f"pylogtap: {line}" in suite.run(*words).output


@pytest.fixture
def hanging_url() -> Iterator[str]:
    """Return the address of a collector that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(server.accept()[0])
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for each in held:
            each.close()


@pytest.mark.parametrize("words", [(), (*XDIST, "-n2")], ids=["one", "n2"])
def test_a_collector_that_hangs_delays_the_end_by_no_more_than_it_may(
    passing: SuiteRun, hanging_url: str, words: tuple[str, ...]
) -> None:
    """The end waits for at most exit_timeout_s, and the results are kept."""
    passing.environment["PYLOGTAP_EXIT_TIMEOUT_S"] = "1"
    began = time.monotonic()
    ran = passing.run("--pylogtap-url", hanging_url, *words)
    assert time.monotonic() - began < 60
    assert ran.status == 0
    assert "did not answer in time" in ran.output or "timed out" in ran.output
    assert ran.told.outcomes() == {"test_it": "passed"}


def test_secrets_of_the_command_line_stay_here(passing: SuiteRun) -> None:
    """Values of options whose names say that they are secret are left out of what is told."""
    passing.write(
        conftest="def pytest_addoption(parser):\n"
        "    parser.addoption('--api-key')\n    parser.addoption('--host')\n"
    )
    words = ("--api-key", "hunter2", "--api-key=hunter3", "--host=http://me:pw@here")
    command = passing.run(*words).told.run["command"]
    assert "hunter" not in command
    assert "me:pw" not in command
    assert "--api-key [redacted] --api-key=[redacted] --host=http://[redacted]@here" in command


def test_a_run_says_where_it_comes_from(passing: SuiteRun) -> None:
    """Revision, branch and state of the working tree, seed, versions, and the CI service are told."""
    git = ["git", "-C", str(passing.folder), "-c", "user.name=A", "-c", "user.email=a@b.c"]
    subprocess.run([*git, "init", "-q", "-b", "trunk"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    passing.environment |= {
        "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_JOB": "test", "GITHUB_REF_NAME": "other",
    }  # fmt: skip
    passing.write(test_it="def test_it(): 1\n")
    run = passing.run("-p", "randomly", "-p", "randomly", "-p", "no:xdist", "--randomly-seed=5").told.run
    assert re.fullmatch("[0-9a-f]{40}", run["commit"])
    assert run["branch"] == "trunk"
    assert run["dirty"] is True
    assert run["parents"] == []
    assert run["ci"] == {
        "provider": "github", "job": "test", "run": "7", "attempt": "2",
        "url": "https://github.com/a/b/actions/runs/7",
    }  # fmt: skip
    assert run["seed"] == "--randomly-seed=5"
    assert run["runner"] == "pytest"
    assert run["runner_version"] == pytest.__version__
    assert run["root"] == str(passing.folder)
    assert run["whole"] is True


def test_a_run_without_git_is_told_all_the_same(passing: SuiteRun) -> None:
    """Where no git is installed, there is no revision, and nothing else is missing."""
    passing.environment["PATH"] = "/nowhere"
    run = passing.run().told.run
    assert "commit" not in run
    assert run["collected"] == 1


def test_the_default_address_is_the_one_of_the_settings(passing: SuiteRun) -> None:
    """The waiting results are those of the collector that the settings name."""
    passing.run()
    assert next(passing.spool.glob("*/destination")).read_text().strip() == DEAD_URL
