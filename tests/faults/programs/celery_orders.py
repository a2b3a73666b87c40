"""
Order tasks, and wait for the last result.

::

    python -m tests.faults.programs.celery_orders PREFIX WRITERS COUNT

Tells the numbers of the processes that did them.
"""

from __future__ import annotations

import sys

from tests.faults.programs.celery_app import app
from tests.faults.programs.lines import tell


def main() -> None:
    """Order COUNT tasks of each writer."""
    writers, count = map(int, sys.argv[2:])
    ordered = [
        app.send_task("log", (writer, number)) for number in range(1, count + 1) for writer in range(writers)
    ]
    tell(sorted({each.get(timeout=120, interval=0.005) for each in ordered}))


if __name__ == "__main__":
    main()
