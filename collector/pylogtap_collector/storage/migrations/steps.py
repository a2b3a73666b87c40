"""The one list of steps that all modules of this package add to."""

from __future__ import annotations

from sqlite_utils.migrations import Migrations

migrations = Migrations("pylogtap")
