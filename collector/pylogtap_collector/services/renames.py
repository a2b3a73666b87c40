"""Which tests of a run are those of a file that was moved or renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pylogtap_collector.verdicts.absence import RUNS, whole_runs
from pylogtap_collector.verdicts.moves import Named, moved
from pylogtap_collector.verdicts.runs import line_of

if TYPE_CHECKING:
    from pylogtap_collector.services.suites import Course
    from pylogtap_collector.verdicts.grid import Grid, Marks


def renames(course: Course, grid: Grid, row: int) -> dict[int, int]:
    """
    Return which tests of a run are others by a new name: the number that stays, by the one that goes.

    Args:
        course: The suite.
        grid: Its outcomes.
        row: Position of the run; one that did not run the whole suite tells nothing.
    """
    line = line_of(course.runs, row, course.default)
    if row not in whole_runs(grid, [*line, row]):
        return {}
    begins = min(run.started for run in course.runs)
    ran = grid.outcomes > 0
    new = ran[row] & ~ran[:row].any(axis=0) & (course.first_seen(grid.tests) >= begins)
    if not new.any():
        return {}
    before = whole_runs(grid, line)[-RUNS:]
    old = ran[before].any(axis=0) & ~ran[row]
    staying = _files(course, grid, ran[row] & ~new)
    pairs = moved(_named(course, grid, old), _named(course, grid, new), staying)
    columns = {test: column for column, test in enumerate(grid.tests.tolist())}
    return {
        goes: stays
        for goes, stays in pairs.items()
        if not (ran[:, columns[goes]] & ran[:, columns[stays]]).any()
    }


def _named(course: Course, grid: Grid, marks: Marks) -> list[Named]:
    found = []
    for test in grid.tests[np.flatnonzero(marks)].tolist():
        name = course.names.get(test)
        if name is not None and name.file:
            found.append(Named(test, name.file, name.node.removeprefix(name.file)))
    return found


def _files(course: Course, grid: Grid, marks: Marks) -> set[str]:
    return {each.file for each in _named(course, grid, marks)}
