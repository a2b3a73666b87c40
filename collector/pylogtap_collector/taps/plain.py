"""Text that another protocol carries: what `pylogtap pipe` would understand of it is understood here, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.prefix import Prefix
from pylogtap.text import LineParser
from pylogtap.text.tracebacks import find_failure
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.jsonlines import FAILED, INFORMATION, lift
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap.text import ParsedRecord
    from pylogtap.text.levels import Level

_RECORD = 1 << 20  # characters of a message that are looked through; a longer one is text


def entry_of_text(text: str, default: Place, now_ns: int, level: Level = INFORMATION) -> Entry:
    """
    Return the entry that the text of one message means: prefix, time, level, JSON, logfmt, traceback.

    Args:
        text: One or more lines.
        default: The place, unless a prefix in front says another.
        now_ns: The present, ns since the epoch.
        level: Where the text does not say how bad it is.
    """
    text = text.strip("\r\n")
    records = _parse(text, default, now_ns) if len(text) <= _RECORD else []
    if len(records) == 1:
        return entry_of_record(records[0], level)
    return entry_of_lines(text, default, level)


def entry_of_lines(text: str, place: Place, level: Level = INFORMATION) -> Entry:
    """
    Return the entry that is a text as a whole, but for a traceback in it.

    Args:
        text: One or more lines.
        place: Where it belongs.
        level: How bad it is at least.
    """
    lines = text.strip("\r\n").split("\n")
    failure = find_failure(lines) if len(lines) > 1 and len(text) <= _RECORD else None
    if failure is None:
        return Entry(place, text, severity=level.severity, level=level.name)
    worst = max(level, FAILED, key=lambda each: each.severity)
    message = "\n".join(lines[: failure.first]) or failure.summary
    return Entry(place, message, severity=worst.severity, level=worst.name, exception=failure.fields())


def entry_of_record(record: ParsedRecord, level: Level = INFORMATION) -> Entry:
    """
    Return what the parser of lines has found as an entry.

    Args:
        record: That.
        level: Where it does not say how bad it is.
    """
    return lift(record.fields)._replace(
        place=Place(*record.prefix),
        message=record.message,
        time_ns=record.time_ns,
        severity=record.severity or level.severity,
        level=record.level or level.name,
        logger=record.logger or "",
        exception=record.exception,
    )


def _parse(text: str, default: Place, now_ns: int) -> list[ParsedRecord]:
    parser = LineParser(Prefix(*default), max_line=4 * _RECORD, clock=lambda: now_ns)
    return [*parser.feed(text + "\n"), *parser.flush()]
