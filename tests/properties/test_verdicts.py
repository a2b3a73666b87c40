"""What follows from histories of tests: the arithmetic on tables says what a look at each test alone says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pylogtap_collector.verdicts.absence import absent
from pylogtap_collector.verdicts.flakiness import measure, signs
from pylogtap_collector.verdicts.grid import CODE_OF, Grid, broken_runs, medians
from pylogtap_collector.verdicts.moves import Named, moved
from pylogtap_collector.verdicts.runs import Run, default_branch, in_order, line_of
from pylogtap_collector.verdicts.slowness import slower, speed_factors
from pylogtap_collector.verdicts.standing import STANDINGS, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

LETTERS = {".": 0, "p": CODE_OF["passed"], "f": CODE_OF["failed"], "s": CODE_OF["skipped"]}
courses = st.lists(st.text("pfs.", min_size=3, max_size=3), min_size=1, max_size=12)


def table(rows: Sequence[str], runs: Sequence[Run] | None = None) -> Grid:
    """Return a table of runs, a text with a letter per test each; by default each of a commit of its own."""
    outcomes = np.array([[LETTERS[letter] for letter in row] for row in rows], np.uint8)
    made = [Run(number, number, number, f"c{number}", "main") for number in range(1, len(rows) + 1)]
    ones = np.ones_like(outcomes)
    return Grid(
        runs or made, np.arange(outcomes.shape[1]), outcomes, ones, np.full(outcomes.shape, np.nan, "f4")
    )


def stands(grid: Grid, *flaky: int) -> list[str]:
    """Return how the tests of the last run stand."""
    last = len(grid.runs) - 1
    known = np.isin(grid.tests, flaky)
    found = judge(grid, line_of(grid.runs, last, "main"), last, flaky=known, broken=broken_runs(grid))
    return [STANDINGS[code] for code in found.codes]


def expected(course: str) -> str:
    """Return how a test stands that is not flaky, by looking at it alone."""
    before, now = course[:-1], course[-1]
    judged = [letter for letter in before if letter in "pf"]
    if now not in "pf":
        return ""
    if now == "f":
        return "still_failing" if judged[-1:] == ["f"] else "new_failure"
    if judged[-1:] == ["f"]:
        return "fixed"
    return "passing" if set(before) - {"."} else "new"


@given(courses)
def test_standing_is_that_of_each_test_alone(rows: list[str]) -> None:
    """On commits of their own, a run compares with the last one in which the test passed or failed."""
    assert stands(table(rows)) == [expected("".join(course)) for course in zip(*rows, strict=True)]


@given(courses)
def test_the_first_bad_commit_begins_the_last_row_of_failures(rows: list[str]) -> None:
    """The first bad commit is the first of the failures in a row, the last good one the success before."""
    grid = table(rows)
    last = len(rows) - 1
    found = judge(grid, range(last), last, flaky=np.zeros(3, bool), broken=np.zeros(len(rows), bool))
    for column, course in enumerate(zip(*rows, strict=True)):
        judged = [(row, letter) for row, letter in enumerate(course) if letter in "pf"]
        good = max((row for row, letter in judged if letter == "p"), default=-1)
        bad = min((row for row, letter in judged if letter == "f" and row > good), default=-1)
        fails = course[-1] == "f"
        assert found.first_bad[column] == (bad if fails else -1)
        assert found.last_good[column] == (good if fails else -1)


@given(courses)
def test_flaky_is_nothing_without_a_sign(rows: list[str]) -> None:
    """A test that never failed is not flaky; a score is a share, and only of what showed anything."""
    grid = table(rows)
    found = measure(signs(grid, "main", np.zeros(len(rows), bool)))
    assert ((found.score >= 0) & (found.score <= 1)).all()
    for column, course in enumerate(zip(*rows, strict=True)):
        if "f" not in course:
            assert not found.flaky[column]
            assert found.score[column] == 0


def test_both_outcomes_on_one_commit_are_flaky_until_many_commits_have_passed() -> None:
    """A test that failed and passed on a clean commit is flaky; after enough commits that pass it is not."""
    runs = [Run(1, 1, 1, "a", "main"), Run(2, 2, 1, "a", "main")]
    grid = table(["fpp", "ppp"], runs)
    assert measure(signs(grid, "main", np.zeros(2, bool))).flaky.tolist() == [True, False, False]
    more = runs + [Run(number, number, number, f"c{number}", "main") for number in range(3, 80)]
    later = table(["fpp", "ppp"] + ["ppp"] * 77, more)
    assert not measure(signs(later, "main", np.zeros(79, bool))).flaky.any()


def test_changed_files_are_no_repetition() -> None:
    """A failure with changed files, and a success on the same commit, say nothing of flakiness."""
    runs = [Run(1, 1, 1, "a", "main", dirty=True), Run(2, 2, 1, "a", "main")]
    assert not measure(signs(table(["fpp", "ppp"], runs), "main", np.zeros(2, bool))).flaky.any()


def test_a_broken_environment_accuses_no_test() -> None:
    """Where all tests fail in one run of a commit and pass in the next, none is flaky, and none is mended."""
    rows = ["p" * 40, "p" * 40, "f" * 40, "p" * 40]
    runs = [Run(n, n, n, f"c{n}", "main") for n in (1, 2)] + [Run(n, n, 3, "c3", "main") for n in (3, 4)]
    grid = table(rows, runs)
    assert broken_runs(grid).tolist() == [False, False, True, False]
    assert not measure(signs(grid, "main", broken_runs(grid))).flaky.any()
    assert set(stands(grid)) == {"passing"}


def test_what_stays_broken_was_broken_by_the_code() -> None:
    """Where most tests fail on three commits in a row, these are failures, and mended afterwards."""
    rows = ["p" * 40] * 3 + ["f" * 40] * 3
    grid = table(rows)
    assert not broken_runs(grid).any()
    assert set(stands(grid)) == {"still_failing"}
    assert set(stands(table([*rows, "p" * 40]))) == {"fixed"}


def test_a_flaky_test_that_fails_in_a_row_is_a_real_failure() -> None:
    """One failure of a test that is known to be flaky is no news; six in a row are more than chance."""
    calm = ["ppp"] * 20
    assert stands(table([*calm, "fpp"]), 0)[0] == "flaky_failure"
    assert stands(table([*calm, *["fpp"] * 6]), 0)[0] == "still_failing"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_runs_is_not_that_of_their_arrival(commits: list[int], random: object) -> None:
    """However runs arrive, they are put into the order of their commits, those of one commit together."""
    runs = [Run(n, 1_000 + n, commit, f"c{commit}", "main") for n, commit in enumerate(commits)]
    shuffled = sorted(runs, key=lambda run: hash((run.number * 2_654_435_761) % 97))
    ordered = in_order(shuffled)
    assert ordered == in_order(runs)
    assert [run.committed for run in ordered] == sorted(commits)
    assert default_branch(runs) == "main"


def test_a_branch_goes_on_from_the_default_one() -> None:
    """The first run of a branch is compared with the default branch before it, and clean with clean."""
    runs = [
        Run(1, 1, 1, "a", "main"),
        Run(2, 2, 2, "b", "main", dirty=True),
        Run(3, 3, 3, "c", "topic"),
        Run(4, 4, 4, "d", "main"),
        Run(5, 5, 5, "e", "topic"),
    ]
    assert line_of(runs, 4, "main") == [0, 2]
    assert line_of(runs, 3, "main") == [0]


@given(
    st.lists(
        st.lists(st.one_of(st.just(float("nan")), st.floats(0, 10)), min_size=3, max_size=3),
        min_size=1,
        max_size=9,
    )
)
def test_medians_are_of_what_is_known(rows: list[list[float]]) -> None:
    """The median of a column leaves out what is not known."""
    values = np.array(rows)
    for column, found in enumerate(medians(values)):
        known = values[:, column][~np.isnan(values[:, column])]
        assert np.isnan(found) if not len(known) else found == np.median(known)


@given(st.lists(st.floats(0.2, 5), min_size=12, max_size=30), st.integers(0, 1000))
def test_a_slow_machine_makes_no_test_slower(speeds: list[float], seed: int) -> None:
    """Where a run's tests take longer by the same factor, that factor is found, and no test is accused."""
    base = np.random.default_rng(seed).uniform(0.01, 2, 20)
    durations = np.array(speeds)[:, None] * base
    normal = durations / speed_factors(durations)[:, None]
    assert all(slower(normal[:, column]) is None for column in range(20))


@given(st.floats(0.05, 5), st.floats(1.4, 4), st.integers(8, 40), st.integers(8, 20))
def test_a_step_is_found_where_it_is(base: float, ratio: float, before: int, after: int) -> None:
    """A steady test that takes longer from some run on is said to, since then; one that is faster is not."""
    values = np.array([base] * before + [base * ratio] * after)
    found = slower(values)
    assert found is not None
    assert (found.kind, found.since) == ("step", before)
    assert abs(found.now / found.before - ratio) < 1e-6
    assert slower(values[::-1].copy()) is None


@given(st.floats(0.05, 5), st.floats(1.5, 4), st.integers(30, 60))
def test_a_drift_is_found(base: float, ratio: float, count: int) -> None:
    """A test that takes a little longer from run to run drifts."""
    found = slower(base * ratio ** (np.arange(count) / (count - 1)))
    assert found is not None
    assert found.kind == "drift"
    assert abs(found.now / found.before - ratio) < 0.01


names = st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=8)


@given(st.dictionaries(st.sampled_from(["x/a.py", "x/b.py", "y/a.py"]), names, max_size=3), names)
def test_moved_tests_are_pairs_of_one_name(files: dict[str, set[str]], new: set[str]) -> None:
    """Whatever is gone and new, tests are paired one to one, and by their name within the file."""
    old = [Named(hash((f, n)) % 10**9, f, n) for f, found in sorted(files.items()) for n in sorted(found)]
    fresh = [Named(10**10 + ord(n), "z/a.py", n) for n in sorted(new)]
    pairs = moved(old, fresh)
    within = {each.test: each.within for each in [*old, *fresh]}
    assert all(within[goes] == within[stays] for goes, stays in pairs.items())
    assert len(set(pairs.values())) == len(pairs)


def test_two_files_that_fit_as_well_are_ambiguous() -> None:
    """A file that two others could have become is neither; a file in which tests ran on was not moved."""
    old = [Named(n, "a.py", f"::t{n}") for n in range(4)]
    copies = [Named(10 * c + n, f"{c}.py", f"::t{n}") for c in (1, 2) for n in range(4)]
    assert moved(old, copies) == {}
    assert moved(old, copies[:4]) == {10 + n: n for n in range(4)}
    assert moved(old, copies[:4], staying=["a.py"]) == {}


def test_gone_takes_three_runs_that_would_have_run_it() -> None:
    """A run of one test says nothing of the others; three that ran what a test stood beside do."""
    whole = [Run(n, n, n, f"c{n}", "main", whole=True) for n in range(1, 5)]
    files = np.zeros(5, np.int64)
    assert absent(table(["ppppp", *["pppp."] * 3], whole), range(4), files).gone.tolist() == [False] * 4 + [
        True
    ]
    assert not absent(table(["ppppp", *["pppp."] * 2], whole[:3]), range(3), files).gone.any()
    part = [run._replace(whole=run.number == 1) for run in whole]
    assert not absent(table(["ppppp", *["p...."] * 3], part), range(4), files).gone.any()
    beside = absent(table(["ppppp", *["pppp."] * 3], part), range(4), files)
    assert beside.gone.tolist() == [False] * 4 + [True]
    assert not absent(
        table(["ppppp", *["pppp."] * 3, "ppppp"], [*whole, whole[0]]), range(5), files
    ).gone.any()


@given(courses)
def test_where_no_file_is_known_only_whole_runs_say_what_is_gone(rows: list[str]) -> None:
    """Tests of no known file are gone by runs of the whole suite alone."""
    runs = [Run(n, n, n, f"c{n}", "main", whole=False) for n in range(len(rows))]
    assert not absent(table(rows, runs), range(len(rows)), np.full(3, -1, np.int64)).gone.any()
