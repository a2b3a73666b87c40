"""Documents of JSON, one a line, each with the number of its line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap_collector.reports.model import Skipped


def objects(data: bytes, skipped: Skipped) -> Iterator[tuple[int, dict[str, Any]]]:
    """
    Yield the objects of a file that holds one a line.

    Args:
        data: The file; it may be cut anywhere.
        skipped: Notes lines that hold none.
    """
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        document = parsed(line)
        if isinstance(document, dict):
            yield number, document
        else:
            skipped.note(f"line {number}: no JSON object, or one that is cut")


def parsed(data: bytes) -> Any:
    """Return the value of a JSON document; None where it is none, or is nested too deeply."""
    try:
        return json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
