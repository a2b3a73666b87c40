"""Programs of other people that deliver to a collector, each in a process of its own: they set up globals."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.proofs.daemon import CollectorProcess

_S = 300.0


def run_shipper(program: str, collector: CollectorProcess, env: Mapping[str, str] | None = None) -> str:
    """
    Run a Python program until it ends well, and return what it has printed.

    Args:
        program: Its text; `URL` is the collector's address.
        collector: Where it delivers to.
        env: Further variables.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYLOGTAP"))}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "shipper.py")
        file.write_text(f"URL = {collector.url!r}\n{program}")
        done = subprocess.run(
            [sys.executable, str(file)],
            env={**clean, **(env or {})},
            capture_output=True,
            text=True,
            timeout=_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def only(collector: CollectorProcess, query: str) -> dict[str, Any]:
    """Return the one record that a query finds."""
    (found,) = collector.logs(query)
    return found
