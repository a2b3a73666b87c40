"""Reports of many runners: real ones of pytest and its plugins, and samples of what others write."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "reports"
REPORTS = sorted(path.name for path in FOLDER.iterdir())


def report(name: str) -> bytes:
    """
    Return a report.

    Args:
        name: Of its file.
    """
    return (FOLDER / name).read_bytes()
