"""A task that logs a line: by the root's handlers, or by the logger that celery gives to tasks."""

from __future__ import annotations

import os

from celery.utils.log import get_task_logger

from tests.faults.programs.celery_app import app
from tests.faults.programs.lines import Lines

_prefix = os.environ["FAULTS_PREFIX"]
_lines = (Lines(_prefix), Lines(_prefix, get_task_logger("faults").name))


@app.task(name="log")  # type: ignore[untyped-decorator] # celery has no annotations
def log(writer: int, number: int) -> int:
    """Log one line."""
    _lines[writer % 2].log(writer, number)
    return os.getpid()
