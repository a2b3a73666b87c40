"""Names and numbers of levels, as programs write them, and the OpenTelemetry severity that they mean."""

from __future__ import annotations

from typing import NamedTuple


class Level(NamedTuple):
    """A level as it is stored: its name in lower case, and its severity (1 to 24)."""

    name: str
    severity: int


# Severities of the syslog and Python names as in the OpenTelemetry logs data model, in the steps of Python's
# own levels: critical is 21. Abbreviations have the name in full, so that one level is not counted as two.
_LEVELS = {
    "trace": 1, "finest": 1, "verbose": 3, "finer": 3, "debug": 5, "fine": 5,
    "info": 9, "config": 9, "notice": 10, "success": 10, "warning": 13,
    "error": 17, "failure": 17, "severe": 17, "critical": 21, "fatal": 21, "alert": 22, "panic": 22,
    "emergency": 24,
}  # fmt: skip
_SHORT = {
    "warn": "warning", "err": "error", "crit": "critical", "emerg": "emergency", "information": "info",
    "dbug": "debug", "fail": "failure", "trce": "trace", "dbg": "debug", "inf": "info", "wrn": "warning",
    "informational": "info", "exception": "error", "ftl": "fatal", "log": "info",
}  # fmt: skip
_LETTERS = {
    "T": "trace", "V": "verbose", "D": "debug", "I": "info", "N": "notice", "W": "warning", "E": "error",
    "C": "critical", "F": "fatal", "A": "alert",
}  # fmt: skip
_SYSLOG = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")  # RFC 5424, 6.2.1
_PYTHON = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
_PINO = {10: "trace", 20: "debug", 30: "info", 40: "warning", 50: "error", 60: "fatal"}  # and bunyan's
# What a level may look like in a line, longest first.
WORDS = "|".join(sorted({*_LEVELS, *_SHORT}, key=len, reverse=True))


def level_named(name: str) -> Level | None:
    """Return the level of a name in any case, of an abbreviation or of a letter; None: it is none."""
    name = _LETTERS.get(name) or name.lower()
    name = _SHORT.get(name, name)
    severity = _LEVELS.get(name)
    return None if severity is None else Level(name, severity)


def level_of_priority(priority: int) -> Level:
    """Return the level of a syslog priority, which is facility * 8 + severity (source: RFC 5424, 6.2.1)."""
    name = _SYSLOG[priority & 7]
    return Level(name, _LEVELS[name])


def level_numbered(number: float, *, pino: bool = False) -> Level | None:
    """
    Return the level of a number.

    Args:
        number: As Python has them, or Node's loggers.
        pino: It is one of Node's loggers pino and bunyan.
    """
    name = (_PINO if pino else _PYTHON).get(int(number) // 10 * 10) if 0 < number < 100 else None
    return None if name is None else Level(name, _LEVELS[name])
