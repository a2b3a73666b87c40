"""Whatever is sent, by whomever, the API answers as its document says: all checks of schemathesis."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.roles import ALIKE, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.conftest import Saw

ROOT = Path(__file__).parents[2]
AT_ONCE = 2
SEED = 20  # of the short form: it finds the same each time, the long one looks further
SHORT, LONG = "short", "long"
_HEAD = ("role", "operations", "cases", "failures", "put back", "seconds", "seed")


class Tries:
    """Tries roles in processes of their own, some at once, and collects their reports."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        """
        Begin with none.

        Args:
            pool: Waits for the processes.
        """
        self._pool = pool
        self._running: dict[tuple[str, str], Future[tuple[dict[str, Any], str]]] = {}

    def begin(self, role: str, size: str) -> None:
        """Begin to try a role."""
        seed = SEED if size == SHORT else random.randrange(1 << 32)
        self._running[role, size] = self._pool.submit(_try, role, size, seed)

    def ended(self, role: str, size: str) -> tuple[dict[str, Any], str]:
        """Return the report of a role, and all that was said."""
        return self._running[role, size].result()

    def of_size(self, size: str) -> list[dict[str, Any]]:
        """Return the reports of all that were begun at a size."""
        return [self.ended(*each)[0] for each in self._running if each[1] == size]

    def table(self) -> str:
        """Return how it went, a line for each role."""
        begun = sorted(self._running, key=lambda each: ROLES.index(each[0]))
        rows: list[tuple[Any, ...]] = [_HEAD, *(_row(self.ended(*each)[0]) for each in begun)]
        return "\n".join(f"{row[0]:<16}" + "".join(f"{text!s:>12}" for text in row[1:]) for row in rows)


def _row(report: dict[str, Any]) -> tuple[Any, ...]:
    tested = f"{report['operations']['tested']}/{report['operations']['total']}"
    cases = report["test_cases"]
    found = cases["unique_failures"] + cases["errored"]
    seconds = round(report["running_time"])
    return report["role"], tested, cases["generated"], found, report["restored"], seconds, report["seed"]


def _try(role: str, size: str, seed: int) -> tuple[dict[str, Any], str]:
    command = [sys.executable, "-m", "tests.contract.run", role, "--size", size, "--seed", str(seed)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said, _, report = ended.stdout.rstrip("\n").rpartition("\n")
    if not report.startswith("{"):
        raise RuntimeError(f"{role} was not tried: {ended.stdout[-3000:]}{ended.stderr[-3000:]}")
    return json.loads(report), said


@pytest.fixture(scope="module")
def tries(request: pytest.FixtureRequest) -> Iterator[Tries]:
    """Begin with all roles that were asked for, and say at the end how it went."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = Tries(pool)
        for item in request.session.items:
            if not isinstance(item, pytest.Function) or item.module is not request.module:
                continue
            if "role" in item.fixturenames:
                found.begin(
                    str(item.callspec.params["role"]), LONG if item.get_closest_marker("slow") else SHORT
                )
        yield found
        sys.stdout.write(f"\n{found.table()}\n")


def _check(report: dict[str, Any], said: str) -> None:
    assert report["complete"], said
    assert not report["errors"], said
    assert not report["failures"], said
    assert report["operations"]["tested"] == report["operations"]["total"], said


@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", [role for role in ROLES if role not in ALIKE])
def test_the_api_keeps_to_its_document(tries: Tries, role: str) -> None:
    """Examples, limits and, of those who may do most, some made-up requests are answered as described."""
    _check(*tries.ended(role, SHORT))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("role", ROLES)
def test_the_api_keeps_to_its_document_at_length(tries: Tries, role: str) -> None:
    """So are many made-up requests, and chains of them in which one goes on with what another made."""
    _check(*tries.ended(role, LONG))


def _note(reports: list[dict[str, Any]], saw: Saw) -> None:
    if not reports:
        pytest.skip("no role was tried; run the other tests of this module along with this one")
    cases = sum(report["test_cases"]["generated"] for report in reports)
    wrong = sum(
        report["test_cases"]["unique_failures"] + report["test_cases"]["errored"] for report in reports
    )
    figure = f"{cases:,} requests, kinds of callers: {len(reports)}; {wrong} answers that are not described"
    saw("api-document", figure, kept=not wrong and all(report["complete"] for report in reports))


@pytest.mark.timeout(900)
def test_all_answers_are_described(tries: Tries, saw: Saw) -> None:
    """Of all who were tried together: no answer was another than the document says."""
    _note(tries.of_size(SHORT), saw)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_all_answers_are_described_at_length(tries: Tries, saw: Saw) -> None:
    """The same of many requests and chains of them."""
    _note(tries.of_size(LONG), saw)
