"""
The collector's store asked without HTTP, as its peers of bench_store.py are.

In a process of its own::

    python -m benchmarks.store_asked FOLDER DATA

Reads commands and answers as store_peers.py does. What was counted in a block is forgotten before each
question, unless it says `remember`.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.query import parse
from pylogtap_collector.settings import Settings
from pylogtap_collector.storage import counts, logs
from pylogtap_collector.storage.logs import Selection
from pylogtap_collector.storage.tiers import Tiers

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOUR_NS = 3_600_000_000_000
_MINUTE_NS = 60_000_000_000


class Asked:
    """A database that nobody writes to."""

    def __init__(self, data: Path, facts: dict[str, Any]) -> None:
        """
        Open it.

        Args:
            data: Its folder.
            facts: What to ask for.
        """
        self.facts = facts
        path = data / "pylogtap.db"
        self.connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        self.connection.execute("PRAGMA cache_size = -16000")
        self.tiers = Tiers(Settings.model_fields["cache_max_bytes"].default)
        self.tiers.load(self.connection)

    def ask(self, question: str, *, remember: bool) -> Any:
        """Return the answer to a question."""
        if not remember:
            self.tiers.shelf.forget()
        return getattr(self, question)()

    def last(self) -> list[int]:
        """Return the newest records of a service."""
        return self._page(f"service:{self.facts['service']}")

    def few(self) -> list[int]:
        """Return those with a rare word."""
        return self._page(self.facts["rare"])

    def count(self) -> int:
        """Count those with a common word."""
        return counts.count(self.tiers, self.connection, Selection(parse(self.facts["word"])))

    def newest(self) -> list[int]:
        """Return the newest with a common word."""
        return self._page(self.facts["word"])

    def substring(self) -> list[int]:
        """Return those with a part of a word."""
        return self._page(f"message:/{self.facts['part']}/")

    def level(self) -> int:
        """Count errors of an hour."""
        begin = (self.facts["first_us"] + self.facts["last_us"]) // 2 * 1000
        return counts.count(
            self.tiers, self.connection, Selection(parse("level:error"), begin, begin + _HOUR_NS)
        )

    def minutes(self) -> int:
        """Count each minute of all."""
        begin = self.facts["first_us"] * 1000 // _MINUTE_NS * _MINUTE_NS
        everything = Selection(parse(""), begin, self.facts["last_us"] * 1000 + 1)
        number = (self.facts["last_us"] * 1000 - begin) // _MINUTE_NS + 1
        found = counts.by_time(self.tiers, self.connection, everything, begin, _MINUTE_NS, number)
        return int(found.any(axis=1).sum())

    def patterns(self) -> None:
        """Count by pattern."""
        counts.by_pattern(self.tiers, self.connection, Selection(parse("")), 20)

    def _page(self, query: str) -> list[int]:
        found = logs.page(self.tiers, self.connection, Selection(parse(query)), "desc", 100)
        return [each.time_ns // 1000 for each in found]


def serve(asked: Asked, lines: Sequence[str] | Any) -> None:
    """Answer commands."""
    for line in lines:
        command = json.loads(line)
        began = time.perf_counter()
        answer = None
        if command["do"] == "ask":
            answer = asked.ask(command["question"], remember=bool(command.get("remember")))
        report = {
            "ms": (time.perf_counter() - began) * 1e3,
            "answer": answer,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(report), flush=True)


def main() -> None:
    """Serve until there are no more commands."""
    folder, data = Path(sys.argv[1]), Path(sys.argv[2])
    serve(Asked(data, json.loads((folder / "facts.json").read_text())), sys.stdin)


if __name__ == "__main__":
    main()
