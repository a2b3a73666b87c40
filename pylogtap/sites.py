"""Numbers for what many records share: call sites, places, threads. One table a segment."""

from __future__ import annotations

from typing import Any

# Texts that a line of code may have before it counts as varying. One that takes arguments is a template; one
# that takes none may be an f-string, so its second text already travels, and the collector finds the pattern.
TEMPLATES, TEXTS = 64, 1
MAX_SITES = 20_000  # of one segment; beyond, every text counts as varying


class SiteTable(dict[Any, tuple[int, int, tuple[str, ...]]]):
    """
    The call sites defined in one segment.

    What it maps itself are the shortcuts of the fast paths: see pylogtap.writer.Shortcut.

    Attributes:
        lines: Shortcuts to lines of code whose text varies.
        numbers: Numbers of the call sites, by all that their definitions hold: one never means two things.
        places: Numbers of the prefixes.
        threads: Numbers of the threads, by identifier and name.
        texts: How many texts each line of code has had.
        last: The last number given.
    """

    __slots__ = ("last", "lines", "numbers", "places", "texts", "threads")

    def __init__(self) -> None:
        """Begin an empty table."""
        super().__init__()
        self.numbers: dict[Any, int] = {}
        self.lines: dict[Any, tuple[int, int, tuple[str, ...]]] = {}
        self.places: dict[str, int] = {}
        self.threads: dict[tuple[int, str], int] = {}
        self.texts: dict[Any, int] = {}
        self.last = 0

    def forget_shortcuts(self) -> None:
        """Let the fast paths look at each call site anew; numbers that were given stay."""
        self.clear()
        self.lines.clear()

    def is_varying(self, line: Any, *, takes_arguments: bool) -> bool:
        """Count one more text of a line of code, and tell whether it has had too many to be a template."""
        count = self.texts[line] = self.texts.get(line, 0) + 1
        return count > (TEMPLATES if takes_arguments else TEXTS) or len(self.numbers) >= MAX_SITES
