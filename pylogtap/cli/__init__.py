"""The command `pylogtap`. This file loads nothing, so that start-up stays quick; see :mod:`.commands`."""

from __future__ import annotations

import sys


def main() -> int:
    """
    Run the command line.

    Returns:
        The exit code: 0 done, 1 the thing asked for failed, 2 wrong usage.
    """
    from pylogtap.cli.commands import run

    return run(sys.argv[1:])
