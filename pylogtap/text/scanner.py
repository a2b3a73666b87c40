"""The parts of a head between a time and a message, from left to right, as logging libraries lay them out."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from pylogtap.text.levels import WORDS, Level, level_named

_MOST_PARTS = 4  # between time and level
_MOST_GROUPS = 3  # in brackets, between level and message
_GAP = re.compile(r"[\])]?[:,|-]?(?:\s+[|:-]{1,3}(?=\s))?\s*")  # between parts of a head
UPPER = WORDS.upper()
LEVEL = re.compile(
    rf"\[\s?(?:[\w-]+:)?(?P<boxed>(?i:{WORDS}))\s*\](?=[\s:]|$)"  # [info    ], [core:error]
    rf"|(?:(?P<channel>[\w-]+)\.)?(?P<word>{UPPER})(?![\w.])(?:/(?P<process>[\w-]+)(?=\]))?"  # app.INFO:
    rf"|(?P<low>(?i:{WORDS}))(?=\s*[|:\]])"
)
_LETTER = re.compile(r"(?P<letter>[VDIWEFA])[ /](?P<logger>[^:]{1,80}?)\s*: ")  # Android
_GROUP = re.compile(r"\[(?P<group>(?:[^\[\]]|\[[^\[\]]{0,250}\]){1,250})\](?P<end>\s*(?:-\s+|:\s+)?)")
_BEFORE = re.compile(  # what may stand between time and level
    rf"{_GROUP.pattern}"
    r"|#?(?P<number>[0-9]{1,10})(?:[#:][0-9]+)?[:\]]?\s+"
    r"|(?P<name>[A-Za-z_][\w.$/@-]{0,99})(?:\s+[-|]\s+|:\s+)"
)
_PROGRAM = re.compile(r"\s+--\s+(?P<program>[\w.-]*)\s*:\s")  # Ruby's Logger
_PID = re.compile(r"(?P<pid>[0-9]{1,10})(?:\s+---\s+|#[0-9]+:\s+)")  # Spring Boot; nginx
_LOGGER = re.compile(
    r"(?P<logger>[A-Za-z_$][\w$-]*(?:(?:\.|::|:|/)[\w$<>-]+)+)"  # a name in parts
    r"(?:\s+[-|]\s+|\s*:\s+|\]\s+|\s+(?=\[)|\t)"
    r"|(?P<plain>[A-Za-z_$][\w$-]*)(?:\s+-\s+|\]\s+|\s+:\s+)"
)


class Head(NamedTuple):
    """
    A line, divided.

    Attributes:
        message: What is left of the line.
        time_ns: Since the epoch.
        level: Its level.
        logger: Name of the logger or of the program.
        fields: What else the head says.
    """

    message: str
    time_ns: int | None = None
    level: Level | None = None
    logger: str | None = None
    fields: dict[str, Any] | None = None


class Scanner:
    """
    Reads the parts of a head from left to right; what it passes is understood.

    Attributes:
        text: The line.
        at: Index of what is not passed yet.
        level: Found so far.
        logger: Found so far.
        fields: What else was found.
    """

    def __init__(self, text: str, at: int) -> None:
        """
        Begin within a line.

        Args:
            text: The line.
            at: Index.
        """
        self.text = text
        self.at = at
        self.level: Level | None = None
        self.logger: str | None = None
        self.fields: dict[str, Any] = {}

    def head(self, time_ns: int | None) -> Head:
        """Return what was passed, and what was not as the message."""
        return Head(self.text[self.at :], time_ns, self.level, self.logger, self.fields or None)

    def skip_gap(self) -> None:
        """Pass what divides parts."""
        match = _GAP.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def find_level(self) -> bool:
        """Pass what may stand between a time and a level, and the level; or pass nothing."""
        start = self.at
        for _ in range(_MOST_PARTS):
            if self.take_level():
                return True
            match = _BEFORE.match(self.text, self.at)
            if match is None:
                break
            self.at = match.end()
            self.keep(match)
        self.at, self.logger, self.fields = start, None, {}
        return False

    def keep(self, match: re.Match[str]) -> None:
        """Keep a part that stands before the level."""
        group, number = (match["group"] or "").strip(), match["number"]
        if not number and group.isdecimal() and len(group) <= 10:
            number = group
        if number:
            self.fields["thread" if "pid" in self.fields else "pid"] = int(number)
        elif group:
            self.fields["thread"] = group
        else:
            self.logger = match["name"]

    def take_level(self) -> bool:
        """Pass a level."""
        match = LEVEL.match(self.text, self.at)
        if match is not None:
            boxed, channel, word, process, low = match.groups()
            self.level = level_named(boxed or word or low)
            self.logger = channel or self.logger
            if process:
                self.fields["process"] = process
        elif "pid" in self.fields and (match := _LETTER.match(self.text, self.at)):
            self.level, self.logger = level_named(match["letter"]), match["logger"]
        else:
            return False
        self.at = match.end()
        return True

    def take_names(self) -> bool:
        """Pass what may stand between a level and the message: process, thread, logger."""
        start = self.at
        program = _PROGRAM.match(self.text, self.at)
        if program:
            self.logger, self.at = program["program"] or self.logger, program.end()
            return True
        self.skip_gap()
        pid = _PID.match(self.text, self.at)
        if pid:
            self.fields["pid"], self.at = int(pid["pid"]), pid.end()
        group, at = self.find_groups()
        if group and group["end"].strip():  # `[thread] - …`
            self.at = at
        elif logger := _LOGGER.match(self.text, at):
            self.logger, self.at = logger["logger"] or logger["plain"], logger.end()
        else:
            group = None
        if group:
            self.fields["thread"] = group["group"].strip()
        return bool(self.text[start : self.at].strip())

    def find_groups(self) -> tuple[re.Match[str] | None, int]:
        """Return the last of the brackets that follow, and where they end; they may belong to the message."""
        group, at = None, self.at
        for _ in range(_MOST_GROUPS):
            match = _GROUP.match(self.text, at)
            if match is None:
                break
            group, at = match, match.end()
        return group, at
