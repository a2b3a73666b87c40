"""The engines that tests use: containers run, compose projects come up, a private engine comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.engine import COMPOSE_VERSIONS, PYTHON, Containers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.engine import Compose, EngineProcess

pytestmark = pytest.mark.engine
PROJECT = """
services:
  web:
    image: pylogtap-test/base:1
    command: sleep 1000
    stop_grace_period: 0s
"""


@pytest.mark.parametrize("version", COMPOSE_VERSIONS)
def test_a_compose_project(containers: Containers, compose: Compose, version: str) -> None:
    """A project of either compose comes up, and its containers carry its name."""
    project = compose(f'version: "3.4"\n{PROJECT}' if version == "1" else PROJECT, version)
    project.up("--scale", "web=2")
    labels = [f"com.docker.compose.project={project.name}"]
    assert len(containers.client.containers(filters={"label": labels})) == 2


def test_a_container_of_the_python_image(containers: Containers) -> None:
    """The image with Python has a whole standard library."""
    ran = containers.run("python3", "-c", "import ssl, sqlite3, ctypes; print('whole')", image=PYTHON)
    assert containers.client.wait(ran)["StatusCode"] == 0
    assert containers.client.logs(ran) == b"whole\n"


def test_a_private_engine_is_killed_and_comes_back(private_engine: Callable[..., EngineProcess]) -> None:
    """A test may kill and restart an engine of its own; with live-restore its containers live on."""
    process = private_engine("--live-restore")
    containers = Containers(process.address)
    lives = containers.run("sleep", "1000")
    pid = containers.inspect(lives)["State"]["Pid"]
    process.restart()
    assert containers.inspect(lives)["State"]["Pid"] == pid
    process.kill()
    assert not process.answers()
    process.start()
    assert containers.inspect(lives)["State"]["Pid"] == pid
    containers.close()
