"""The process of a Docker engine: starts, stops and kills it, and clears up what a killed one leaves."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import docker
import docker.errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SYSTEM_STATE = Path("/var/lib/pylogtap-engine")
SYSTEM_SOCKET = Path("/var/run/docker.sock")
PACKAGES = {"dockerd": "docker.io", "iptables": "iptables", "busybox": "busybox-static", "ip": "iproute2"}
# From the whole engine down to the least that still counts truly.
_OPTIONS = (
    (),
    ("--iptables=false", "--ip-masq=false"),
    ("--iptables=false", "--ip-masq=false", "--bridge=none", "--storage-driver=vfs"),
)
_STARTING_S, _STOPPING_S = 30.0, 20.0
_NO_LIMIT = 1 << 40  # bytes/s that no disk reaches
_BLKIO = Path("/sys/fs/cgroup/blkio")


class NoEngine(Exception):
    """No engine can be had here; the text says why, and what would help."""


class EngineProcess:
    """
    An engine that can be started, stopped and killed.

    Attributes:
        folder: Of its data, log and process number.
        socket: Where it listens.
    """

    def __init__(self, folder: Path | None = None, *options: str) -> None:
        """
        Name it; :meth:`start` starts it.

        Args:
            folder: Of an engine of its own, with a short path, as those of sockets are at most 108 bytes
                long; None: that of the machine.
            options: More for dockerd, such as `--live-restore`.
        """
        self._private, self._options = folder is not None, options
        self.folder = (folder or SYSTEM_STATE).absolute()
        self.socket = self.folder / "docker.sock" if self._private else SYSTEM_SOCKET
        self._run = self.folder / "run" if self._private else Path("/var/run/docker")
        self._namespace = f"tap{zlib.crc32(os.fsencode(self.folder))}" if self._private else ""
        self._pid_file = self.folder / "dockerd.pid"
        self._started = self.folder / "started.pid"  # stays when the engine removes its own
        self._child = -1  # the process, where this one has started it

    @property
    def address(self) -> str:
        """Its address, as DOCKER_HOST has it."""
        return f"unix://{self.socket}"

    def answers(self) -> bool:
        """Tell whether it runs and answers."""
        return answers(self.address)

    def start(self) -> None:
        """
        Start it, unless it answers, and let the kernel count block I/O.

        Raises:
            NoEngine: It cannot be started.
        """
        if not self.answers():
            self._check()
            said = [self._try([*fixed, *self._options]) for fixed in _until_one(_OPTIONS, self.answers)]
            if not self.answers():
                raise NoEngine(f"dockerd does not start: {said[-1]}")
        count_block_io()

    def stop(self) -> None:
        """Ask it to end, and wait for that; its containers are stopped."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would: SIGKILL. Its containers live on."""
        self._signal(signal.SIGKILL)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """
        End it with its containers and, if it is one of its own, its data.

        Does nothing to an engine of the machine that was not started by this program.
        """
        if not self._private and _is_over("dockerd", self._started):
            return
        if self._private and not self.answers():
            with suppress(NoEngine):  # only an engine can end what a killed one has left
                self.start()
        if self.answers():
            client = docker.APIClient(self.address, timeout=60)
            for container in client.containers(all=self._private):
                with suppress(docker.errors.APIError):
                    client.remove_container(container["Id"], force=True)
            client.close()
        self.stop()
        if self._private:
            run_quietly("ip", "netns", "del", self._namespace)
            for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
                if (mount := line.split()[1]).startswith(f"{self.folder}/"):
                    run_quietly("umount", "-l", mount)
            shutil.rmtree(self.folder, ignore_errors=True)

    def _check(self) -> None:
        if os.geteuid() != 0:
            raise NoEngine(f"nothing answers at {self.socket}, and only root can start an engine")
        missing = sorted(PACKAGES[name] for name in PACKAGES if shutil.which(name) is None)
        if missing:
            raise NoEngine(
                f"{', '.join(missing)} missing; `python -m tools.engine start --install` gets them"
            )
        if not os.path.ismount("/sys/fs/cgroup"):
            raise NoEngine("no cgroups under /sys/fs/cgroup")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._private and not Path("/run/netns", self._namespace).exists():
            made = run_quietly("ip", "netns", "add", self._namespace)
            if made or run_quietly("ip", "-n", self._namespace, "link", "set", "lo", "up"):
                raise NoEngine("no network namespace can be made")

    def _try(self, options: Sequence[str]) -> str:
        """Start it with options; return what it said last if it does not answer."""
        self._clear()
        own = ["-H", self.address, "--data-root", f"{self.folder}/data", "--pidfile", str(self._pid_file)]
        before: list[str] = []
        if self._private:
            # `ip netns exec` would mount another /sys, without the cgroups
            before = ["nsenter", f"--net=/run/netns/{self._namespace}"]
            own += ["--exec-root", str(self._run)]
        log = self.folder / "dockerd.log"
        self._child = _spawn([*before, "dockerd", *own, *options], log)
        if _wait(lambda: self.answers() or _has_ended(self._child), _STARTING_S) and self.answers():
            self._started.write_text(str(self._child))
            return ""
        if not _has_ended(self._child):
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        lines = log.read_text(errors="replace").splitlines()
        return next((line[:240] for line in reversed(lines) if "failed" in line or "level=error" in line), "")

    def _clear(self) -> None:
        """Remove what a killed engine left, whose containerd the next one would wait for in vain."""
        containerd = self._run / "containerd" / "containerd.pid"
        for name, path in (("dockerd", self._pid_file), ("containerd", containerd)):
            if _wait(partial(_is_over, name, path), _STOPPING_S):
                path.unlink(missing_ok=True)

    def _signal(self, number: int) -> None:
        pid = _read_pid(self._started)
        if _lives("dockerd", pid):
            os.kill(pid, number)
            if not _wait(lambda: not _lives("dockerd", pid), _STOPPING_S):
                raise NoEngine(f"dockerd {pid} does not end")
        _has_ended(self._child)
        self._started.unlink(missing_ok=True)


def answers(address: str) -> bool:
    """
    Tell whether an engine answers at an address.

    The SDK is not asked: it forgets to close the socket of an engine that does not listen.
    """
    parts = urlsplit(address)
    is_local = parts.scheme == "unix"
    family, where = (
        (socket.AF_UNIX, parts.path)
        if is_local
        else (socket.AF_INET, (parts.hostname or "", parts.port or 2375))
    )
    with socket.socket(family) as line, suppress(OSError):
        line.settimeout(5)
        line.connect(where)
        line.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
        return b" 200 " in line.recv(64)
    return False


def count_block_io() -> None:
    """
    Let the kernel count the block I/O of cgroups v1, until the machine starts anew.

    Newer kernels begin to count for a disk when any group gets any rule for it: one gets the rule of 1 TiB/s,
    which is taken away at once.
    """
    group = _BLKIO / "pylogtap-on"
    if not (_BLKIO / "blkio.throttle.io_service_bytes").exists():
        return
    with suppress(OSError):  # not root: then it is as it is
        group.mkdir(exist_ok=True)
        for disk in Path("/sys/block").iterdir():
            if not disk.name.startswith(("loop", "ram", "zram", "fd", "sr")):
                number = (disk / "dev").read_text().strip()
                for limit in (_NO_LIMIT, 0):
                    with suppress(OSError):
                        (group / "blkio.throttle.write_bps_device").write_text(f"{number} {limit}")
        group.rmdir()


def _until_one(choices: Sequence[Sequence[str]], done: Callable[[], bool]) -> Iterator[Sequence[str]]:
    for choice in choices:
        if done():
            return
        yield choice


def _lives(name: str, pid: int) -> bool:
    """Tell whether a process of that name lives; what is left of a killed engine can be a zombie for long."""
    try:
        before, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    except OSError:
        return False
    return before.partition("(")[2] == name and after.split()[0] not in "ZX"


def _is_over(name: str, pid_file: Path) -> bool:
    return not _lives(name, _read_pid(pid_file))


def _has_ended(child: int) -> bool:
    """Tell whether a process is no child of ours any more, and let the kernel forget it."""
    try:
        return os.waitpid(child, os.WNOHANG)[0] == child
    except ChildProcessError:
        return True


def _spawn(command: Sequence[str], log: Path) -> int:
    """Start a program that lives on when this one ends, in a session of its own."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(command[0], list(command), os.environ, file_actions=actions, setsid=True)


def _read_pid(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return -1


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if done():
            return True
        time.sleep(0.05)
    return False


def run_quietly(*command: str) -> int:
    """Run a program, and return its exit code."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, check=False, capture_output=True, env=environment).returncode
