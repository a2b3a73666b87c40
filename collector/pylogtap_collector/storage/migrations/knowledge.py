"""The steps of what is known of tests beyond one run: `test_digest`, `test_standing`, `test_case`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

_TABLES = (
    """
    CREATE TABLE test_digest ( -- the outcomes of a run in columns, so that a hundred runs are read at once
        run INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        service TEXT NOT NULL,
        started INTEGER NOT NULL,
        baseline INTEGER, -- the newest run that it is compared with
        work REAL NOT NULL, -- seconds that its cases took together
        flaky INTEGER NOT NULL, -- cases that passed in a later attempt
        body BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE test_standing ( -- what is known of a test, so that lists are sorted and filtered here
        test INTEGER PRIMARY KEY,
        state TEXT NOT NULL,
        standing TEXT,
        last_case INTEGER NOT NULL,
        last_run INTEGER NOT NULL,
        failing_since INTEGER, -- ns since the epoch
        first_bad TEXT, -- revisions
        last_good TEXT,
        gone_run INTEGER, -- the run that made it certain; NULL: it is not gone
        flaky REAL, -- the score; NULL: it is not flaky
        flakiness TEXT, -- a JSON object, as the API's
        slower REAL, -- the ratio; NULL: it is not slower
        slow_since INTEGER, -- when the first run began that was slower; NULL: little by little
        slowdown TEXT, -- a JSON object, as the API's
        median REAL, -- seconds
        runs INTEGER NOT NULL,
        failures INTEGER NOT NULL,
        recent TEXT NOT NULL -- a letter per run, oldest first
    ) STRICT
    """,
    "CREATE INDEX idx_test_digest_place ON test_digest (project, service, started)",
    "CREATE INDEX idx_test_standing_gone ON test_standing (gone_run) WHERE gone_run IS NOT NULL",
    "CREATE INDEX idx_test_run_unassessed ON test_run (started) WHERE assessed IS NULL",
)


_COURSES = (
    "ALTER TABLE test_case ADD COLUMN failing TEXT",  # a JSON object: storage.test_courses.Failing
    "ALTER TABLE test_case ADD COLUMN slowdown TEXT",  # a JSON object, as the API's
    "ALTER TABLE test_standing ADD COLUMN flaky_bound REAL",  # of the score, from below: the order of lists
    "CREATE INDEX idx_test_case_slower ON test_case (run) WHERE slowdown IS NOT NULL",
)


@migrations(name="0014_knowledge")
def _knowledge(db: Database) -> None:
    for statement in _TABLES:
        db.execute(statement)


@migrations(name="0015_courses")
def _courses(db: Database) -> None:
    for statement in _COURSES:
        db.execute(statement)
