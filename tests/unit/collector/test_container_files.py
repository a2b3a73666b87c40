"""Readings from files of the kernel, as trees of cgroups v1 and v2 have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.containers.cgroups import CgroupFiles
from pylogtap_collector.containers.gaps import counts_block_io, switch_lines
from tests.support.readings import ID, container

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NET = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls
    lo:     900      9    0    0    0     0          0         0      900       9    0    0    0     0
  eth0:    1000     10    1    2    0     0          0         0     2000      20    3    4    0     0
  eth1:       5      1    0    0    0     0          0         0        7       1    0    0    0     0
"""
IO = "rchar: 9\nwchar: 9\nsyscr: 9\nsyscw: 9\nread_bytes: {}\nwrite_bytes: {}\ncancelled_write_bytes: 0\n"
CONTROLLERS = ("cpuacct", "cpu", "memory", "pids", "blkio")


class Tree:
    """A machine's folders."""

    def __init__(self, folder: Path) -> None:
        self.cgroups, self.proc, self.disks = folder / "cgroup", folder / "proc", folder / "block"
        self.write(
            self.proc,
            {
                "stat": "cpu  100 0 50 800 50 0 0 9 0 0\ncpu0 1 0\ncpu1 1 0\nintr 5\n",
                "meminfo": "MemTotal:        1000 kB\nMemFree:  1 kB\n",
                "77/net/dev": NET,
                "77/io": IO.format(4096, 8192),
            },
        )
        self.write(self.disks, {"sda/dev": "8:0\n", "loop0/dev": "7:0\n", "ram0/dev": "1:0\n"})

    @staticmethod
    def write(folder: Path, files: Mapping[str, str]) -> None:
        """Write files with their folders."""
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def process(self, *lines: str) -> None:
        """Say in which groups the container's process is."""
        self.write(self.proc, {"77/cgroup": "".join(f"{line}\n" for line in lines)})

    def v1(self, group: str, *, counted: bool = True, mounts: Mapping[str, str] | None = None) -> None:
        """Make a group of cgroups v1; `mounts` are the folders of controllers that have other names."""
        blocks = (
            "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Total 30\nTotal 30\n" if counted else "Total 0\n"
        )
        known = {name: name for name in CONTROLLERS} | dict(mounts or {})
        files = {
            "cpuacct/cpuacct.usage": "5000000000\n",
            "cpuacct/cgroup.procs": "77\n",
            "cpu/cpu.stat": "nr_periods 10\nnr_throttled 3\nthrottled_time 7000\n",
            "memory/memory.usage_in_bytes": "500000\n",
            "memory/memory.stat": "inactive_file 1\nhierarchical_memory_limit 800000\n"
            "total_inactive_file 100000\n",
            "pids/pids.current": "4\n",
            "blkio/blkio.throttle.io_service_bytes_recursive": blocks,
        }
        for name, text in files.items():
            controller, _, file = name.partition("/")
            self.write(self.cgroups / known[controller] / group, {file: text})
        self.write(self.cgroups / "blkio", {"blkio.throttle.io_service_bytes_recursive": blocks})
        self.write(self.cgroups / "memory", {"memory.limit_in_bytes": "1"})

    def v2(self, group: str) -> None:
        """Make a group of cgroups v2 with the same counters."""
        self.write(self.cgroups, {"cgroup.controllers": "cpu io memory pids\n"})
        self.write(
            self.cgroups / group,
            {
                "cpu.stat": "usage_usec 5000000\nuser_usec 1\nsystem_usec 1\nnr_periods 10\nnr_throttled 3\n"
                "throttled_usec 7\n",
                "memory.current": "500000\n",
                "memory.stat": "anon 1\nfile 2\ninactive_anon 3\ninactive_file 100000\n",
                "memory.max": "800000\n",
                "pids.current": "4\n",
                "io.stat": "8:0 rbytes=4 wbytes=20 rios=1 wios=1 dbytes=99 dios=0\n259:0 rbytes=6 wbytes=0\n",
            },
        )


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a machine without containers."""
    return Tree(tmp_path)


@pytest.fixture
def files(tree: Tree) -> Iterator[CgroupFiles]:
    """Return its files; closed at the end."""
    found = CgroupFiles(tree.cgroups, tree.proc)
    yield found
    found.close_all()


LAYOUTS = {
    "v1": ("v1", f"docker/{ID}", f"/docker/{ID}", {}),
    "v1 of systemd": ("v1", f"system.slice/docker-{ID}.scope", f"/system.slice/docker-{ID}.scope", {}),
    "v1 in folders of two": (
        "v1",
        f"docker/{ID}",
        f"/docker/{ID}",
        {"cpu": "cpu,cpuacct", "cpuacct": "cpu,cpuacct"},
    ),
    "v1 with systemd inside": ("v1", f"docker/{ID}", f"/docker/{ID}/init.scope", {}),
    "v1 from another namespace": ("v1", f"docker/{ID}", f"/../{ID}", {}),
    "v2": ("v2", f"system.slice/docker-{ID}.scope", f"/system.slice/docker-{ID}.scope", {}),
    "v2 of Podman": (
        "v2",
        f"machine.slice/libpod-{ID}.scope",
        f"/machine.slice/libpod-{ID}.scope/container",
        {},
    ),
    "v2 without root": ("v2", f"user.slice/u/docker-{ID}.scope", f"/user.slice/u/docker-{ID}.scope", {}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_reading_from_every_layout(tree: Tree, files: CgroupFiles, layout: str) -> None:
    """Wherever the group of the process is, its counters are found and mean the same."""
    version, group, path, mounts = LAYOUTS[layout]
    if version == "v1":
        tree.v1(group, mounts=mounts)
        tree.process(
            *(
                f"{number}:{mounts.get(each, each)}:{path}"
                for number, each in enumerate(["freezer", *CONTROLLERS], 1)
            ),
            "0::/",
        )
    else:
        tree.v2(group)
        tree.process(f"0::{path}")
    assert files.open(container())
    found = files.read(ID, files.machine())
    assert found is not None
    assert found[1:] == (
        container().started_at,
        *(5_000_000_000, 10_000_000_000, 2, 10, 3, 7000, 400_000, 800_000, 4),
        *(1005, 2007, 1, 3, 2, 4, 10, 20),
    )


def test_the_memory_of_the_machine_is_the_limit(tree: Tree, files: CgroupFiles) -> None:
    """A container without a limit may use all of the machine's."""
    tree.v2(f"docker/{ID}")
    tree.write(tree.cgroups, {f"docker/{ID}/memory.max": "max\n"})
    tree.process(f"0::/docker/{ID}")
    assert files.open(container())
    found = files.read(ID, files.machine())
    assert found is not None
    assert found.memory_limit == 1_024_000


@pytest.mark.parametrize("line", ["0::/", "0::/system.slice/ssh.service", f"0::/docker/{'b' * 64}"])
def test_a_process_of_something_else(tree: Tree, files: CgroupFiles, line: str) -> None:
    """The number may be that of another machine's process: only a group with the container's id counts."""
    tree.v2(f"docker/{ID}")
    tree.process(line)
    assert not files.open(container())
    assert not files.open(container(pid=78))
    assert not files.open(container(pid=0))


def test_controllers_that_are_off(tree: Tree, files: CgroupFiles) -> None:
    """What has no file is unknown, and the rest is known."""
    tree.v2(f"docker/{ID}")
    for name in ("memory.current", "memory.stat", "memory.max", "pids.current", "io.stat"):
        (tree.cgroups / "docker" / ID / name).unlink()
    tree.process(f"0::/docker/{ID}")
    assert files.open(container(host_network=True))
    found = files.read(ID, files.machine())
    assert found is not None
    assert found.cpu_ns == 5_000_000_000
    assert {found.memory, found.pids, found.read, found.received} == {None}


def test_a_container_without_a_network(tree: Tree, files: CgroupFiles) -> None:
    """One that has the loopback alone has no traffic that could be zero."""
    tree.v2(f"docker/{ID}")
    tree.process(f"0::/docker/{ID}")
    tree.write(tree.proc, {"77/net/dev": "".join(NET.splitlines(keepends=True)[:3])})
    assert files.open(container())
    found = files.read(ID, files.machine())
    assert found is not None
    assert (found.received, found.sent, found.send_dropped) == (None, None, None)


def test_one_that_ended_does_not_hurt_others(tree: Tree, files: CgroupFiles) -> None:
    """A group whose files say nothing any more has no reading; the next one has."""
    tree.v2(f"docker/{ID}")
    tree.process(f"0::/docker/{ID}")
    other = "c" * 64
    tree.v2(f"docker/{other}")
    tree.write(tree.proc, {"78/cgroup": f"0::/docker/{other}\n", "78/net/dev": NET})
    assert files.open(container())
    assert files.open(container(id=other, pid=78))
    tree.write(tree.cgroups / "docker" / ID, {"memory.current": ""})
    assert files.read(ID, files.machine()) is None
    assert files.read(other, files.machine()) is not None
    assert files.read("unknown", files.machine()) is None


def test_block_io_of_processes(tree: Tree, files: CgroupFiles) -> None:
    """Where the kernel does not count groups, processes are added up, and the sum never shrinks."""
    tree.v1(f"docker/{ID}", counted=False)
    tree.process(*(f"{number}:{each}:/docker/{ID}" for number, each in enumerate(CONTROLLERS, 1)))
    processes = tree.cgroups / "cpuacct" / "docker" / ID / "cgroup.procs"
    tree.write(tree.proc, {"79/io": IO.format(1, 1000)})
    assert files.open(container())
    assert files.counts_block_io is False
    sums = []
    for pids in ("77\n79\n", "77\n", "77\n80\n", "77\n"):
        processes.write_text(pids)
        found = files.read(ID, files.machine())
        assert found is not None
        sums.append((found.read, found.written))
    assert sums == [(4097, 9192)] * 4
    tree.write(tree.proc, {"77/io": IO.format(5096, 8192)})
    found = files.read(ID, files.machine())
    assert found is not None
    assert (found.read, found.written) == (5097, 9192)


def test_how_to_switch_counting_on(tree: Tree) -> None:
    """One line for each disk, where the kernel has the files and counts nothing."""
    assert counts_block_io(tree.cgroups) is None
    assert switch_lines(tree.cgroups, tree.disks) == []
    tree.v1("docker/x", counted=False)
    assert counts_block_io(tree.cgroups) is False
    (line,) = switch_lines(tree.cgroups, tree.disks)
    assert 'echo "8:0 1099511627776" > ' in line
    assert line.endswith(f"rmdir {tree.cgroups}/blkio/pylogtap-on")
    tree.v1("docker/x")
    assert counts_block_io(tree.cgroups) is True
    tree.v2("docker/x")
    assert counts_block_io(tree.cgroups) is True


def test_files_are_opened_each_time_where_few_may_be(
    tree: Tree, files: CgroupFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that may open few files still reads all containers."""
    monkeypatch.setattr("pylogtap_collector.containers.cgroups.may_keep_open", lambda: 0)
    tree.v2(f"docker/{ID}")
    tree.process(f"0::/docker/{ID}")
    assert files.open(container())
    first = files.read(ID, files.machine())
    tree.write(tree.cgroups / "docker" / ID, {"pids.current": "9\n"})
    second = files.read(ID, files.machine())
    assert first is not None
    assert second is not None
    assert (first.pids, second.pids) == (4, 9)
