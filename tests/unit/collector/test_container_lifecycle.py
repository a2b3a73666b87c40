"""What the events of engines tell: recorded ones of Docker and Podman, and those of hard cases."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.containers.events import EventMark
from pylogtap_collector.containers.happenings import Event, read_event
from pylogtap_collector.containers.lifecycle import Lifecycle
from pylogtap_collector.containers.model import read_container
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.containers.happenings import Happening
    from pylogtap_collector.containers.model import Container

DATA = Path(__file__).parents[2] / "data" / "containers"
ID = "5f5f845beb68" + "0" * 52
SECOND = 1_000_000_000
NOW = 1_795_399_731 * SECOND


def recorded(engine: str) -> list[Event]:
    """Return the events that an engine told."""
    raw = json.loads((DATA / f"{engine}-cgroupv1-events.json").read_text())
    return [event for each in raw if (event := read_event(each)) is not None]


def event(action: str, after_s: float = 0.0, **attributes: str) -> Event:
    """Return an event of a container without a project."""
    action, _, detail = action.partition(": ")
    return Event(ID, action, detail, {"name": "box", **attributes}, NOW + round(after_s * SECOND))


def told(lifecycle: Lifecycle, *events: Event) -> list[Happening]:
    """Return what events tell, one after the other."""
    return [each for one in events for each in lifecycle.take(one)]


def summary(happenings: list[Happening]) -> list[tuple[Any, ...]]:
    """Return of each its name, its cause or health, its exit code, and its level."""
    return [
        (
            each.entry.fields["event"].removeprefix("container."),
            each.entry.fields.get("cause") or each.entry.fields.get("health"),
            each.entry.fields.get("exit_code"),
            each.entry.level,
        )
        for each in happenings
    ]


def inspected(**changes: Any) -> Container:
    """Return a container as the engine's list has it."""
    raw = json.loads((DATA / "docker-20.10-cgroupv1-inspect-running.json").read_text())
    return replace(read_container(raw), id=ID, name="box", place=Place("docker", "box", "box"), **changes)


def running() -> Lifecycle:
    """Return one that knows of a container that runs."""
    lifecycle = Lifecycle()
    told(lifecycle, event("create", -60), event("start", -60))
    return lifecycle


def test_events_of_docker() -> None:
    """A restart on request, a stop, an out-of-memory kill and a crash are told apart."""
    assert summary(told(Lifecycle(), *recorded("docker-20.10"))) == [
        ("started", None, None, "info"),
        ("exited", "user", 137, "info"),
        ("restarted", "user", None, "info"),
        ("exited", "user", 137, "info"),
        ("started", None, None, "info"),
        ("oom", "oom", 137, "error"),
        ("started", None, None, "info"),
        ("exited", "crash", 3, "error"),
        ("removed", None, None, "info"),
        ("removed", None, None, "info"),
        ("removed", None, None, "info"),
    ]


def test_events_of_podman() -> None:
    """Podman tells no memory kill and no stop: what was killed is said to be so, and the rest is guessed."""
    found = told(Lifecycle(), *recorded("podman-4.3"))
    assert summary(found) == [
        ("started", None, None, "info"),
        ("exited", "user", 137, "info"),
        ("restarted", "user", None, "info"),
        ("exited", "killed", 137, "error"),
        ("started", None, None, "info"),
        ("exited", "killed", 137, "error"),
        ("started", None, None, "info"),
        ("exited", "crash", 3, "error"),
        ("removed", None, None, "info"),
        ("removed", None, None, "info"),
        ("removed", None, None, "info"),
    ]
    assert "maybe out of memory" in found[5].entry.message


def test_happenings_stand_where_the_container_stands() -> None:
    """Compose's labels are on the event: no question is needed."""
    first = told(Lifecycle(), *recorded("docker-20.10"))[0].entry
    assert (first.place, first.logger) == (Place("shop", "web", "web-1"), "docker")
    assert first.time_ns == 1795399720269347070


def test_a_child_that_runs_out_of_memory() -> None:
    """An `oom` that no end follows hit a process beside the main one; it is told after a while."""
    lifecycle = running()
    assert not told(lifecycle, event("oom"))
    assert not lifecycle.tick(NOW + SECOND)
    (found,) = lifecycle.tick(NOW + 3 * SECOND)
    assert found.entry.fields["process"] == "child"
    assert found.entry.time_ns == NOW
    assert found.wants_lines
    assert [(point.name, point.value, point.kind) for point in found.points] == [
        ("container.oom_kills", 1, "counter")
    ]
    assert not lifecycle.tick(NOW + 9 * SECOND)


def test_a_child_and_then_the_main_process() -> None:
    """The last kill before the end is that of the main process, those before hit others."""
    found = told(running(), event("oom"), event("oom", 0.5), event("die", 0.6, exitCode="137"))
    assert [each.entry.fields["process"] for each in found] == ["child", "main"]
    assert [each.points[0].value for each in found] == [1, 2]


def test_a_memory_kill_that_is_told_late() -> None:
    """An `oom` right behind the end explains it."""
    lifecycle = running()
    found = told(lifecycle, event("die", 0, exitCode="137"), event("oom", 0.2), event("start", 1))
    assert summary(found)[1:] == [("oom", "oom", 137, "error"), ("restarted", "oom", None, "warning")]


def test_a_loop_of_crashes_is_counted() -> None:
    """Each start after a crash counts, by its cause."""
    lifecycle = running()
    loop = [event(action, number, exitCode="1") for number in range(3) for action in ("die", "start")]
    found = told(lifecycle, *loop)[-1]
    assert found.entry.fields["restarts"] == 3
    assert [(each.value, each.labels) for each in found.points] == [(3, (("cause", "crash"),))]


def test_what_a_user_ends_is_no_crash() -> None:
    """A signal that ends, and one that may mean something else if the end is near, explain the end."""
    stopped = told(running(), event("kill", signal="15"), event("die", 40, exitCode="143"))
    assert summary(stopped) == [("exited", "user", 143, "info")]
    assert stopped[0].entry.fields["signal"] == "15"
    reloaded = told(running(), event("kill", signal="1"), event("die", 40, exitCode="2"))
    assert summary(reloaded) == [("exited", "crash", 2, "error")]


def test_health() -> None:
    """Changes are told, probes are not; a stop of what is unhealthy is for that."""
    lifecycle = running()
    found = told(
        lifecycle,
        event("health_status: healthy"),
        event("health_status: healthy", 1),
        event("health_status: unhealthy", 2),
        event("kill", 3, signal="SIGTERM"),
        event("die", 4, exitCode="143"),
        event("start", 5),
    )
    assert summary(found) == [
        ("health", "healthy", None, "info"),
        ("health", "unhealthy", None, "error"),
        ("exited", "health", 143, "error"),
        ("restarted", "health", None, "warning"),
    ]
    assert [point.value for each in found for point in each.points if point.name == "container.health"] == [
        1,
        0,
    ]
    assert found[1].wants_lines


def test_probes_are_no_events() -> None:
    """The three events of each probe, and events of networks, are not read."""
    actor = {"ID": ID, "Attributes": {"name": "box"}}
    for action in ("exec_create: true", "exec_start: true", "exec_die", "top", "attach"):
        assert read_event({"Type": "container", "Action": action, "Actor": actor, "timeNano": 1}) is None
    assert read_event({"Type": "network", "Action": "connect", "Actor": actor}) is None


def test_paused_renamed_removed() -> None:
    """What else happens to a container is told; compose's names in between are not."""
    found = told(
        running(),
        event("pause"),
        event("unpause"),
        event("rename", name="crate", oldName="/box"),
        event("rename", name="587f37b10541_crate"),
        event("rename", name="crate"),
        event("destroy", name="crate"),
    )
    assert [each.entry.message for each in found] == [
        "box is paused",
        "box goes on",
        "crate has this name now; it was box",
        "587f37b10541_crate has this name now; it was crate",
        "crate is removed",
    ]


def test_a_container_that_is_to_be_left_alone() -> None:
    """Its label keeps its events out, too."""
    labelled = event("start")._replace(attributes={"name": "box", "pylogtap.enable": "false"})
    assert not told(Lifecycle(), labelled)


@pytest.mark.parametrize("lost", [True, False])
def test_a_start_whose_end_nobody_told(lost: bool) -> None:
    """An engine that went away took the container with it; else it ended while nobody watched."""
    lifecycle = running()
    if lost:
        lifecycle.lose_engine(NOW)
    found = told(lifecycle, event("start", 30))
    assert summary(found) == [
        ("restarted", "engine" if lost else "unknown", None, "info" if lost else "warning")
    ]


def test_an_engine_that_ends_its_containers() -> None:
    """On its way out it has them killed as a user would; what starts with it again was not a user's wish."""
    lifecycle = running()
    told(lifecycle, event("kill", signal="15"), event("die", 1, exitCode="143"), event("stop", 1))
    lifecycle.lose_engine(NOW + 5 * SECOND)
    assert summary(told(lifecycle, event("start", 20))) == [("restarted", "engine", None, "info")]


def test_what_the_list_says_and_no_event() -> None:
    """Ends, starts, health and removals that were missed are told from the list, once."""
    lifecycle = Lifecycle()
    first = inspected(running=True, started_at="2026-11-23T02:00:00.5Z", health="", finished_at="")
    lifecycle.adopt(first)
    ended = replace(first, running=False, exit_code=3, finished_at="2026-11-23T02:01:00.25Z")
    found = lifecycle.compare(ended, NOW)
    assert summary(found) == [("exited", "crash", 3, "error")]
    assert found[0].entry.time_ns == 1795399260_250_000_000
    assert not lifecycle.compare(ended, NOW)
    anew = replace(first, started_at="2026-11-23T02:02:00Z", health="unhealthy")
    assert summary(lifecycle.compare(anew, NOW)) == [
        ("restarted", "crash", None, "warning"),
        ("health", "unhealthy", None, "error"),
    ]
    assert summary(lifecycle.remove_others([], NOW)) == [("removed", None, None, "info")]


def test_a_container_that_waits_for_its_next_start() -> None:
    """The engine says that it runs, with the time of its last start; it does not."""
    lifecycle = running()
    told(lifecycle, event("die", exitCode="1"))
    raw = json.loads((DATA / "docker-20.10-cgroupv1-inspect-running.json").read_text())
    raw["State"] |= {"Restarting": True, "Pid": 0}
    assert not read_container(raw).running
    assert not lifecycle.compare(inspected(running=True, started_at="2026-11-23T02:08:00Z", health=""), NOW)


def test_the_short_list() -> None:
    """It tells who has to be looked at: who runs and should not, or is not as healthy."""
    lifecycle = running()
    listed = {"Id": ID, "State": "running", "Status": "Up 3 minutes"}
    assert lifecycle.agrees(listed)
    assert not lifecycle.agrees({**listed, "State": "exited"})
    assert not lifecycle.agrees({**listed, "Status": "Up 3 minutes (unhealthy)"})
    assert not lifecycle.agrees({**listed, "Id": "0" * 64})


def test_a_memory_kill_that_only_the_list_tells() -> None:
    """The engine remembers it of the main process."""
    lifecycle = Lifecycle()
    first = inspected(running=True)
    lifecycle.adopt(first)
    killed = replace(first, running=False, oom_killed=True, exit_code=137, finished_at="2026-11-23T02:09:00Z")
    assert summary(lifecycle.compare(killed, NOW)) == [("oom", "oom", 137, "error")]


def test_an_event_that_the_list_had_already() -> None:
    """What was taken from the list is not told again by its event."""
    lifecycle = Lifecycle()
    lifecycle.adopt(inspected(running=True, started_at="2026-11-23T02:08:51Z"))
    assert not told(lifecycle, event("start", 0.3))


def test_what_is_known_outlives_a_restart() -> None:
    """Counts and kills that are not explained yet are stored, and taken up again."""
    lifecycle = running()
    told(lifecycle, event("die", 0, exitCode="1"), event("start", 1), event("oom", 2))
    other = Lifecycle()
    other.restore(ID, lifecycle.text(ID))
    other.restore("f" * 64, "{")
    assert other.known == lifecycle.known
    assert [each.entry.fields["process"] for each in other.tick(NOW + 9 * SECOND)] == ["child"]


def test_events_of_one_time_are_taken_once_each() -> None:
    """Asked again from the last one on, the engine repeats those of that very time; further ones are new."""
    mark = EventMark("")
    assert [mark.passes(event("start", at)) for at in (0, 1, 1)] == [False, False, False]
    again = EventMark(str(mark))
    assert again.since == "1795399732.000000000"
    assert [again.passes(event("die", at)) for at in (1, 1, 1, 2)] == [True, True, False, False]
