"""What happens in test runs: from payloads of :data:`pylogtap.wire.KIND_TEST` to events with sound values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pylogtap_collector.wire import Place


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
