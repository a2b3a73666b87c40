"""Whether this program runs in a container, and in which: it must not follow its own log."""

from __future__ import annotations

import re
import socket
from pathlib import Path

_GROUP = re.compile(r"(?:docker|libpod)[-/]([0-9a-f]{64})")
# where engines keep the files of a container that they mount into it: root and mount point of a line
_MOUNT = re.compile(r" /\S*/([0-9a-f]{64})/\S* /etc/(?:hostname|hosts|resolv\.conf) ")
_HOST = re.compile(r"[0-9a-f]{12}")


def own_container(cgroup: str, mounts: str, hostname: str) -> str:
    """
    Return the id of the container that a process runs in, or the beginning of it; empty: in none.

    Args:
        cgroup: Its `/proc/self/cgroup`.
        mounts: Its `/proc/self/mountinfo`; with cgroups v2 the id stands only there.
        hostname: Of the machine, as the process sees it: an engine names containers by their ids.
    """
    found = _GROUP.search(cgroup) or _MOUNT.search(mounts)
    if found:
        return found[1]
    return hostname if _HOST.fullmatch(hostname) else ""


def find_own_container() -> str:
    """Return the id of the container that this process runs in, or the beginning of it; empty: in none."""
    return own_container(_text("cgroup"), _text("mountinfo"), socket.gethostname())


def _text(name: str) -> str:
    try:
        return Path("/proc/self", name).read_text()
    except OSError:  # no Linux
        return ""
