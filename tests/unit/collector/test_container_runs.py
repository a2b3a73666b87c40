"""Which lines are of the last run of a container: failures carry no lines of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.text.times import read_time
from pylogtap_collector.containers.happenings import Event
from pylogtap_collector.containers.lifecycle import Lifecycle
from tests.support.readings import ID, container

if TYPE_CHECKING:
    from pylogtap_collector.containers.happenings import Happening

SECOND = 1_000_000_000
NOW = 1_795_399_731 * SECOND


def event(action: str, after_s: float = 0.0, **attributes: str) -> Event:
    """Return an event of a container without a project."""
    action, _, detail = action.partition(": ")
    return Event(ID, action, detail, {"name": "box", **attributes}, NOW + round(after_s * SECOND))


def told(lifecycle: Lifecycle, *events: Event) -> list[Happening]:
    """Return what events tell, one after the other."""
    return [each for one in events for each in lifecycle.take(one)]


def test_since_when_lines_are_of_the_last_run() -> None:
    """Each failure knows when the run before it had ended, also after a restart of the collector."""
    lifecycle = Lifecycle()
    told(lifecycle, event("create", -60), event("start", -60))
    first = told(lifecycle, event("die", 0, exitCode="1"))
    second = told(lifecycle, event("start", 1), event("oom", 2), event("die", 2, exitCode="137"))
    assert [each.since_ns for each in first + second if each.wants_lines] == [0, NOW]
    other = Lifecycle()
    other.restore(ID, lifecycle.text(ID))
    third = told(
        other, event("start", 3), event("health_status: unhealthy", 4), event("die", 5, exitCode="137")
    )
    late = told(other, event("oom", 5.1))
    assert [each.since_ns for each in third + late if each.wants_lines] == [NOW + 2 * SECOND] * 3


def test_since_when_where_the_list_tells_it() -> None:
    """A container that is found in a loop has its runs told apart, too, and one whose end was missed."""
    lifecycle = Lifecycle()
    lifecycle.adopt(
        container(running=True, started_at="2026-11-23T02:08:51Z", finished_at="2026-11-23T02:08:50Z")
    )
    (ended,) = told(lifecycle, event("die", exitCode="1"))
    assert ended.since_ns == read_time("2026-11-23T02:08:50Z", 0)
    told(lifecycle, event("start", 1), event("start", 60))
    (again,) = told(lifecycle, event("die", 61, exitCode="1"))
    assert NOW + 59 * SECOND < again.since_ns < NOW + 60 * SECOND
