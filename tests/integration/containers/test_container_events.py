"""What becomes of real containers is told: compose projects, kills, memory, health, lost engines."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.containers.engine import Engine
from pylogtap_collector.containers.watch import Watch
from pylogtap_collector.wire import Place
from tests.support.container_sink import DurableSink, until
from tests.support.engine import COMPOSE_VERSIONS, PYTHON, Containers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.engine import Compose, EngineProcess, Project

pytestmark = pytest.mark.engine
PROJECT = """
services:
  web:
    image: pylogtap-test/base:1
    command: sh -c 'echo serving; exec sleep 1000'
    stop_grace_period: 0s
  db:
    image: pylogtap-test/base:1
    command: sleep 1000
    stop_grace_period: 0s
"""
HOG = "x = []\nwhile True: x.append(bytearray(1 << 20))"
COUNTING = "i=0; while true; do i=$((i+1)); echo $i; sleep 0.01; done"


@asynccontextmanager
async def watched(address: str, sink: DurableSink) -> AsyncIterator[Watch]:
    """Watch an engine until the end of the block."""
    watch = Watch(Engine(address), sink, sink, own="")
    running = asyncio.create_task(watch.run())
    try:
        await until(lambda: watch.state().reachable)
        await until(lambda: "docker/events" in sink.known)
        yield watch
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def told(sink: DurableSink, container_id: str) -> list[tuple[Any, ...]]:
    """Return what is told of a container: event, cause or health, level."""
    return [
        (
            each.fields["event"].removeprefix("container."),
            each.fields.get("cause") or each.fields.get("health"),
            each.level,
        )
        for each in sink.events(container_id)
    ]


async def happened(sink: DurableSink, container_id: str, *expected: tuple[Any, ...]) -> None:
    """Wait until exactly this is told of a container."""
    await until(lambda: len(told(sink, container_id)) >= len(expected))
    assert told(sink, container_id) == list(expected)


@pytest.mark.parametrize("version", COMPOSE_VERSIONS)
async def test_a_compose_project(engine: str, containers: Containers, compose: Compose, version: str) -> None:
    """Scaled, restarted, killed, made anew, removed: each instance is followed, and told of at its place."""
    project = compose(f'version: "3.4"\n{PROJECT}' if version == "1" else PROJECT, version)
    sink = DurableSink()

    def ids(service: str) -> dict[str, str]:
        labels = [f"com.docker.compose.project={project.name}", f"com.docker.compose.service={service}"]
        found = containers.client.containers(all=True, filters={"label": labels})
        return {each["Labels"]["com.docker.compose.container-number"]: str(each["Id"]) for each in found}

    async with watched(engine, sink) as watch:
        await asyncio.to_thread(project.up, "--scale", "web=3")
        web, db = ids("web"), ids("db")["1"]
        await until(lambda: all(sink.of(each) for each in web.values()), 2)
        assert {each.place for each in sink.entries if each.place.project == project.name} == {
            *(Place(project.name, "web", f"web-{number}") for number in "123"),
            Place(project.name, "db", "db-1"),
        }
        containers.client.restart(web["1"], timeout=0)
        await happened(
            sink,
            web["1"],
            ("started", None, "info"),
            ("exited", "user", "info"),
            ("restarted", "user", "info"),
        )
        await until(lambda: len(sink.of(web["1"])) == 2, 2)
        containers.client.kill(web["2"])
        await happened(sink, web["2"], ("started", None, "info"), ("exited", "user", "info"))
        containers.client.remove_container(web["3"], force=True)
        await until(lambda: web["3"] not in sink.followed, 2)
        await until(lambda: told(sink, web["3"])[-1:] == [("removed", None, "info")])
        await _made_anew(project, sink, db, ids)
        followed = {each.id: each for each in watch.state().containers}
        assert followed[web["1"]].running
        assert not followed[web["2"]].running
        assert web["3"] not in followed
    assert sum(each.value for each in sink.points if each.name == "container.restarts") >= 1


async def _made_anew(
    project: Project, sink: DurableSink, db: str, ids: Callable[[str], dict[str, str]]
) -> None:
    """Have compose replace a container: the new one has its place, the name in between is not told."""
    await asyncio.to_thread(project.up, "--no-deps", "--force-recreate", "db")
    anew = ids("db")["1"]
    assert anew != db
    await until(lambda: anew in sink.followed, 2)
    await until(lambda: ("started", None, "info") in told(sink, anew))
    assert "renamed" not in {event for event, _, _ in told(sink, anew)}
    assert sink.followed[anew].place == Place(project.name, "db", "db-1")
    assert not sink.followed[anew].name.startswith(db[:6])


async def test_kills_for_lack_of_memory_are_told_apart(engine: str, containers: Containers) -> None:
    """Of the main process, with its last lines; of a child, while the container runs on; and no such kill."""
    sink = DurableSink()
    limits = {"image": PYTHON, "mem_limit": "24m", "memswap_limit": "24m"}
    child = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {HOG!r}]); time.sleep(1000)"
    async with watched(engine, sink):
        main = containers.run("python3", "-uc", f"print('all is well')\n{HOG}", init=False, **limits)
        lives = containers.run("python3", "-c", child, **limits)
        killed = containers.run("sleep", "1000")
        containers.client.kill(killed)
        await happened(sink, main, ("started", None, "info"), ("oom", "oom", "error"))
        await happened(sink, lives, ("started", None, "info"), ("oom", "oom", "error"))
        await happened(sink, killed, ("started", None, "info"), ("exited", "user", "info"))
    of_main, of_child = sink.events(main)[-1].fields, sink.events(lives)[-1].fields
    assert (of_main["process"], of_main["exit_code"]) == ("main", 137)
    assert of_main["last_lines"] == ["all is well"]
    assert (of_child["process"], "exit_code" in of_child) == ("child", False)
    assert containers.inspect(lives)["State"]["Running"]
    own = {sink.events(main)[0].place, sink.events(lives)[0].place}
    kills = [each for each in sink.points if each.name == "container.oom_kills" and each.place in own]
    assert [each.value for each in kills] == [1, 1]


async def test_crashes_and_health(engine: str, containers: Containers) -> None:
    """A loop of crashes is counted, with the last lines of each run; health is told when it changes."""
    sink = DurableSink()
    policy = {"Name": "on-failure", "MaximumRetryCount": 2}
    check = {"test": ["CMD", "test", "-e", "/tmp/well"], "interval": 200_000_000, "retries": 1}
    async with watched(engine, sink):
        loop = containers.run("sh", "-c", "echo going down; exit 3", restart_policy=policy)
        ill = containers.run(
            "sh", "-c", "touch /tmp/well; sleep 1; rm /tmp/well; sleep 1000", healthcheck=check
        )
        crash, again = ("exited", "crash", "error"), ("restarted", "crash", "warning")
        await happened(sink, loop, ("started", None, "info"), crash, again, crash, again, crash)
        await happened(
            sink,
            ill,
            ("started", None, "info"),
            ("health", "healthy", "info"),
            ("health", "unhealthy", "error"),
        )
    ends = [each.fields for each in sink.events(loop) if each.fields["event"] == "container.exited"]
    assert [each["last_lines"] for each in ends] == [["going down"]] * 3
    own = {sink.events(loop)[0].place, sink.events(ill)[0].place}  # others share the engine
    restarts = [each for each in sink.points if each.name == "container.restarts" and each.place in own]
    assert [(each.value, each.labels) for each in restarts] == [
        (1, (("cause", "crash"),)),
        (2, (("cause", "crash"),)),
    ]
    health = [each.value for each in sink.points if each.name == "container.health" and each.place in own]
    assert health == [1, 0]


async def test_what_happens_while_nobody_watches(engine: str, containers: Containers) -> None:
    """The engine still has the events, or its list tells; nothing is told twice."""
    sink = DurableSink()
    async with watched(engine, sink):
        one = containers.run("sleep", "1000")
        await happened(sink, one, ("started", None, "info"))
    containers.client.kill(one)
    containers.client.start(one)
    two = containers.run("sh", "-c", "echo unseen; exit 4")
    containers.client.wait(two)
    story = [("started", None, "info"), ("exited", "user", "info"), ("restarted", "user", "info")]
    async with watched(engine, sink):
        await happened(sink, one, *story)
        await happened(sink, two, ("started", None, "info"), ("exited", "crash", "error"))
        await until(lambda: sink.of(two))
    containers.client.kill(one)
    sink.known["docker/events"] = f"{time.time_ns()} 1"  # the engine has forgotten all before
    async with watched(engine, sink):
        await happened(sink, one, *story, ("exited", "killed", "error"))


@pytest.mark.parametrize("how", ["term", "kill"])
async def test_an_engine_that_goes_away_and_comes_back(
    private_engine: Callable[..., EngineProcess], how: str
) -> None:
    """Its containers end with it and come back; no number is lost or doubled, and it is told why."""
    process = private_engine()
    containers, sink = Containers(process.address), DurableSink()
    one = containers.run("sh", "-c", COUNTING, restart_policy={"Name": "always"})
    async with watched(process.address, sink) as watch:
        await until(lambda: len(sink.of(one)) > 50)
        if how == "term":
            await asyncio.to_thread(process.stop)
        else:
            await asyncio.to_thread(process.kill)
        await until(lambda: not watch.state().reachable)
        assert watch.state().error
        await asyncio.to_thread(process.start)
        await until(lambda: watch.state().reachable)
        await until(lambda: "restarted" in {event for event, _, _ in told(sink, one)})
        before = len(sink.of(one))
        await until(lambda: len(sink.of(one)) > before + 50)
        containers.client.kill(one)
        await until(lambda: told(sink, one)[-1:] == [("exited", "user", "info")])
        await until(lambda: [each.log for each in watch.state().containers] == ["ended"])
    written = containers.client.logs(one).decode().split()
    assert [each.message for each in sink.of(one)] == written
    assert ("restarted", "engine", "info") in told(sink, one)
    containers.close()


@pytest.mark.slow
async def test_an_engine_that_is_not_there_yet(
    private_engine: Callable[..., EngineProcess], caplog: pytest.LogCaptureFixture
) -> None:
    """It is waited for, and that is said once; with live-restore nothing happens to its containers."""
    process = private_engine("--live-restore")
    containers, sink = Containers(process.address), DurableSink()
    one = containers.run("sh", "-c", COUNTING)
    await asyncio.to_thread(process.stop)
    watch = Watch(Engine(process.address), sink, sink, own="")
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(2)
    assert not watch.state().reachable
    await asyncio.to_thread(process.start)
    await until(lambda: len(sink.of(one)) > 50)
    await asyncio.to_thread(process.restart)
    before = len(sink.of(one))
    await until(lambda: len(sink.of(one)) > before + 50)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    numbers = [int(each.message) for each in sink.of(one)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not told(sink, one)
    assert sum("does not answer" in each.message for each in caplog.records) == 2
    containers.close()
