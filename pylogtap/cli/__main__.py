"""`python -m pylogtap.cli` is the command `pylogtap`."""

from __future__ import annotations

import sys

from pylogtap.cli import main

if __name__ == "__main__":
    sys.exit(main())
