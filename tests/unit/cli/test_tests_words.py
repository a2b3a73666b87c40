"""What `pylogtap tests` says of a run in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pylogtap.cli.tests_writing import counts, course_of, missing, total

_NONE = dict.fromkeys(("passed", "failed", "error", "skipped", "xfailed", "xpassed", "running", "reran"), 0)


def a_run(state: str, collected: int | None = None, **found: int) -> dict[str, Any]:
    """Return a run as the API shows it, as far as it is looked at."""
    changed = datetime.now(UTC) + timedelta(hours=1)  # by a clock that is ahead of ours
    return {
        "state": state, "collected": collected, "counts": {**_NONE, **found}, "duration_s": None,
        "changed": changed.isoformat(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("run", "said", "cases"),
    [
        (a_run("failed", 15, failed=4), "4 failed, 11 not named", 15),
        (a_run("interrupted", 15, passed=3, running=1), "3 passed, 1 running, 11 not begun", 4),
        (a_run("passed", None, passed=2, reran=1), "2 passed, 1 run again", 2),
        (a_run("passed", 1, passed=2), "2 passed", 2),
        (a_run("empty", 0), "no cases", 0),
    ],
)
def test_counts(run: dict[str, Any], said: str, cases: int) -> None:
    """Cases that the runner counts count, whether they are named, or have not begun."""
    assert (counts(run), total(run)) == (said, cases)


def test_a_run_without_an_end() -> None:
    """Instead of what it took, what is known of it is said; of one that ended, what it took."""
    assert course_of(a_run("interrupted")) == "; the run stopped being heard of"
    assert course_of(a_run("running")) == "; goes on: nothing heard for 0 s"
    assert course_of(a_run("passed")) == ""
    assert course_of({**a_run("interrupted"), "duration_s": 1.5}) == " in 1.5 s"


def test_one_thing_and_several() -> None:
    """One is no several."""
    assert missing({"dropped": 1}) == "1 thing could not be told"
    assert missing({"dropped": 2}) == "2 things could not be told"
