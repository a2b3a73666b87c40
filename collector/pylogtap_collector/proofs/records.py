"""The records of the fault tests: each can be checked by itself, and tells who logged it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pylogtap_collector.proofs.oracle import Tally

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

    from pylogtap_collector.proofs.oracle import Verdict

_LONGEST_PAD = 150
_KINDS = 4
_EXCEPTION_EVERY = 97


class EventLogger(Protocol):
    """What the records need of a logger of events and fields."""

    def info(self, event: str, /, **fields: Any) -> object:
        """Log an event."""


def pad_of(number: int) -> str:
    """Return filling of a length that varies, so that frames of all sizes meet all places of a segment."""
    return "x" * (number * 7 % _LONGEST_PAD)


def log_record(standard: logging.Logger, own: EventLogger, writer: int, number: int) -> None:
    """
    Log one record in one of the ways there are, by turns.

    Args:
        standard: A logger of the standard library that pylogtap's handler listens to.
        own: A logger of pylogtap.
        writer: Who logs.
        number: Which of this writer's records, from 1.
    """
    fields = {"writer": writer, "number": number, "pad": pad_of(number)}
    if number % _EXCEPTION_EVERY == 0:
        try:
            _fail(number)
        except ValueError:
            standard.exception("failed at %d", number, extra=fields)
        return
    match number % _KINDS:
        case 0:
            own.info("step done", **fields)
        case 1:
            standard.info("step %d of writer %s", number, writer, extra=fields)
        case 2:
            standard.info(message_of(writer, number), extra=fields)  # text that varies: no template
        case _:
            standard.warning("late", extra=fields)


def _fail(number: int) -> None:
    raise ValueError(number)


def message_of(writer: int, number: int) -> str:
    """Return the message that a record must have when it is found."""
    if number % _EXCEPTION_EVERY == 0:
        return f"failed at {number}"
    return {
        0: "step done",
        1: f"step {number} of writer {writer}",
        2: f"number {number} came from writer {writer}",
    }.get(number % _KINDS, "late")


def is_whole(log: Mapping[str, Any]) -> bool:
    """Tell whether a record that the collector shows is the one that was logged."""
    fields = log["attributes"]
    writer, number = fields.get("writer"), fields.get("number")
    if not isinstance(writer, int) or not isinstance(number, int):
        return False
    failed = number % _EXCEPTION_EVERY == 0
    return (
        log["message"] == message_of(writer, number)
        and fields == {"writer": writer, "number": number, "pad": pad_of(number)}
        and (log["exception"] is not None) == failed
        and (not failed or log["exception"]["type"] == "ValueError")
    )


def count(tally: Tally, log: Mapping[str, Any]) -> None:
    """Count a record that the collector shows; one that is not what was logged is torn."""
    if is_whole(log):
        tally.add(log["attributes"]["writer"], log["attributes"]["number"])
    else:
        tally.torn += 1


def judge_logs(obligations: Mapping[int, int], logs: Iterable[Mapping[str, Any]]) -> Verdict:
    """Compare what a collector shows with what the oracle says was logged."""
    tally = Tally(obligations)
    for log in logs:
        count(tally, log)
    return tally.verdict()
