"""
What happens in test runs: from payloads of :data:`pylogtap.wire.KIND_TEST` to events with sound values.

Whatever stands in a payload, nothing of it raises: what is not as it should be is left out, and what is too
long is cut.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pylogtap import wire
from pylogtap.cases.facts import MAX_ITEMS, MAX_MESSAGE, MAX_NAME, MAX_STACK, MAX_SUBTESTS, MAX_TEXT
from pylogtap_collector.taps.sound_values import (
    choice,
    flag,
    list_of,
    map_of,
    matching,
    members,
    pairs,
    text,
    whole,
)
from pylogtap_collector.taps.sound_values import number as number_up_to
from pylogtap_collector.wire import UNREADABLE, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pylogtap_collector.taps.sound_values import Check

OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
RUN_OUTCOMES = ("passed", "failed", "interrupted", "error", "empty")
MAX_WARNINGS = 100  # of a case
_END_NS = 1 << 63  # the database counts in 63 bits
_LONGEST_S = 10_000_000.0
_ID = re.compile(r"[0-9a-f]{32}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")

_short, _line, _moment = text(200), whole(1 << 31), whole(_END_NS)
_name, _message, _seconds = text(MAX_NAME), text(MAX_MESSAGE), number_up_to(_LONGEST_S)
_outcome = choice(OUTCOMES)
_failure = members(
    {
        "type": text(500),
        "message": _message,
        "stacktrace": text(MAX_STACK),
        "file": _name,
        "line": _line,
    }
)
_part: Mapping[str, Check] = {"outcome": _outcome, "duration": _seconds, "failure": _failure}
_RUN: Mapping[str, Check] = {
    "runner": _short,
    "runner_version": _short,
    "source": _short,
    "command": _name,
    "commit": matching(_COMMIT),
    "committed": _moment,
    "parents": list_of(matching(_COMMIT), MAX_ITEMS),
    "branch": _name,
    "dirty": flag,
    "ci": map_of(_name, MAX_ITEMS),
    "python": _short,
    "platform": _short,
    "host": _short,
    "pid": _moment,
    "plugins": map_of(_short, MAX_ITEMS),
    "seed": _short,
    "workers": _line,
    "root": _name,
    "collected": _line,
    "deselected": _line,
    "whole": flag,
}
_CASE: Mapping[str, Check] = {
    "id": matching(_ID),
    "node": _name,
    "file": _name,
    "line": _line,
    "group": _name,
    "name": _name,
    "parameters": map_of(_name, MAX_ITEMS),
    "markers": list_of(_short, MAX_ITEMS),
    "worker": _short,
    "started": _moment,
    "duration": _seconds,
    "outcome": _outcome,
    "phase": _short,
    "reason": _message,
    "failure": _failure,
    "phases": map_of(members(_part), MAX_ITEMS),
    "attempts": list_of(members(_part), MAX_ITEMS),
    "subtests": list_of(members({"name": _name, **_part}), MAX_SUBTESTS),
    "subtest_count": _line,
    "fixtures": map_of(_seconds, MAX_ITEMS),
    "properties": pairs(_message, MAX_ITEMS),
    "output": map_of(text(MAX_TEXT), MAX_ITEMS),
    "crashed": flag,
    "done": flag,
    "cut": list_of(_short, MAX_ITEMS),
}
_WARNING: Mapping[str, Check] = {
    "case": matching(_ID),
    "category": _short,
    "message": _message,
    "file": _name,
    "line": _line,
    "when": _short,
}
_END: Mapping[str, Check] = {
    "exit": whole(1 << 31, least=-(1 << 31)),
    "outcome": choice(RUN_OUTCOMES),
    "reason": _message,
    "duration": _seconds,
    "dropped": _line,
}
_MEMBERS: Mapping[int, Check] = {
    wire.TEST_BEGIN: members(_RUN),
    wire.TEST_START: members(_CASE),
    wire.TEST_CASE: members(_CASE),
    wire.TEST_WARNING: members(_WARNING),
    wire.TEST_BEAT: members({}),
    wire.TEST_END: members(_END),
}


class TestEvent(NamedTuple):
    """
    Something that happened in a test run.

    Attributes:
        time_ns: When, ns since the epoch.
        place: Where the run belongs.
        run: Its id, 32 hex digits.
        kind: One of `pylogtap.wire.TEST_*`.
        facts: What is told: members of :class:`pylogtap.cases.facts.RunFacts` or `CaseFacts`, or those that
            `pylogtap.wire` names.
    """

    time_ns: int
    place: Place
    run: str
    kind: int
    facts: dict[str, Any]


class _Head(msgspec.Struct, array_like=True, gc=False):
    zero: int
    kind: int
    time: int
    place: str
    run: str
    event: int
    facts: Any


_decode = msgspec.msgpack.Decoder(_Head).decode


def read_test_events(payloads: Iterable[bytes]) -> list[TestEvent]:
    """
    Return what payloads tell; what cannot be read, or is no sound value, is left out.

    Args:
        payloads: Each of the kind KIND_TEST.
    """
    return list(_events(payloads))


def sound_event(event: TestEvent) -> TestEvent | None:
    """
    Return an event with nothing but sound values; None where it says nothing then.

    Args:
        event: With any facts.
    """
    time_ns, place, run, kind, given = event
    check = _MEMBERS.get(kind)
    if check is None or not 0 <= time_ns < _END_NS or not _ID.fullmatch(run):
        return None
    facts = check(given)
    if facts is None or (kind in {wire.TEST_START, wire.TEST_CASE} and not _is_case(facts)):
        return None
    if kind == wire.TEST_END:
        facts.setdefault("outcome", "error")  # it has ended, in whatever way
    return TestEvent(time_ns, place, run, kind, facts)


def _events(payloads: Iterable[bytes]) -> Iterator[TestEvent]:
    places: dict[str, Place] = {}
    for payload in payloads:
        try:
            found = _decode(payload)
        except UNREADABLE:
            continue
        place = places.get(found.place)
        if place is None:
            place = places[found.place] = Place.parse(found.place)
        event = sound_event(TestEvent(found.time, place, found.run, found.event, found.facts))
        if event is not None:
            yield event


def _is_case(facts: dict[str, Any]) -> bool:
    return "id" in facts and bool(facts.get("node"))
