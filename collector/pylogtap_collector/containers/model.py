"""A container as it is followed, and where it stands: its project, service and instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pylogtap_collector.containers.drivers import read_log_address
from pylogtap_collector.taps.entries import segment_name
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap_collector.taps.entries import Entry, Point

COMPOSE = "com.docker.compose."
PREFIX_LABEL = "pylogtap.prefix"  # `shop/web` or `shop/web/1`: takes the place of what compose says
SWITCH_LABEL = "pylogtap.enable"  # `false`: the container is left alone
ALONE = "docker"  # the project of containers that belong to none
_CLIENT = (
    "PYLOGTAP_URL=",
    "PYLOGTAP_KEY=",
    "PYLOGTAP_PREFIX=",
    "PYLOGTAP_SPOOL_DIR=",
)  # settings of our client


class Sink(Protocol):
    """Where all that is found goes."""

    async def take(self, entries: Sequence[Entry], marks: Mapping[str, str] | None = None) -> None:
        """
        Store entries, and with them how far their sources were read: both or neither.

        Args:
            entries: In the order of their sources.
            marks: By source, from where to go on after this.

        Raises:
            pylogtap_collector.errors.Overloaded: Nothing was stored; it is tried again later.
        """

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Return how far sources were read, those whose names begin so."""

    async def measure(self, points: Sequence[Point]) -> None:
        """Store points of metrics; what cannot be stored now is dropped and counted."""


@dataclass(frozen=True, slots=True)
class Container:
    """
    What has to be known of a container to follow it.

    Attributes:
        id: All 64 hex digits.
        name: Without the slash in front.
        place: Where its records and metrics stand.
        running: Whether it runs.
        tty: Whether its log is one raw stream, without frames.
        pid: Of its main process on the engine's machine; 0: none.
        started_at: As the engine writes it; changes with each start.
        log_driver: `json-file`, `local`, `journald`, `fluentd`, `none`…
        cpus: How many CPUs it may use; None: all.
        host_network: It uses the network of the machine, so has no counters of its own.
        shares_network: Id of the container whose network it uses; None: its own.
        restart_count: Restarts by the engine's policy.
        labels: All of them.
        hostname: As it calls itself; our client names it in what it ships.
        ships: Its environment sets up our client, which ships records itself.
        health: `healthy`, `unhealthy`, `starting`; empty: it has no check.
        paused: Whether it is.
        exit_code: Of its last end.
        oom_killed: Its main process was killed at its last end, for lack of memory.
        finished_at: When that was, as the engine writes it.
        log_address: Where its log driver delivers to, `HOST:PORT`; empty: nowhere on a network.
    """

    id: str
    name: str
    place: Place
    running: bool
    tty: bool
    pid: int
    started_at: str
    log_driver: str
    cpus: float | None
    host_network: bool
    shares_network: str | None
    restart_count: int
    labels: Mapping[str, str]
    hostname: str = ""
    ships: bool = False
    health: str = ""
    paused: bool = False
    exit_code: int = 0
    oom_killed: bool = False
    finished_at: str = ""
    log_address: str = ""


def place_of_container(name: str, labels: Mapping[str, str]) -> Place:
    """
    Return where a container stands.

    The label `pylogtap.prefix` counts first; then what compose says: project and service. The instance, where
    the label does not name it, is `service-N` by compose's service and the container's number; a container of
    `compose run` has no number and is told by its name. What belongs to no project stands under `docker`.

    Args:
        name: Without the slash in front.
        labels: All of them.
    """
    project, service = labels.get(f"{COMPOSE}project"), labels.get(f"{COMPOSE}service")
    number = labels.get(f"{COMPOSE}container-number")
    one_off = labels.get(f"{COMPOSE}oneoff", "").lower() == "true"
    is_numbered = project and service and number and not one_off
    instance = segment_name(f"{service}-{number}" if is_numbered else name)
    if own := labels.get(PREFIX_LABEL):
        parts = [*own.split("/", 2), "", ""]
        named = segment_name(parts[1], segment_name(name))
        return Place(segment_name(parts[0], ALONE), named, segment_name(parts[2], instance))
    if not project or not service:
        return Place(ALONE, segment_name(name), segment_name(name))
    return Place(segment_name(project), segment_name(service), instance)


def is_prefix(label: str) -> bool:
    """Tell whether a label says `project/service` or `project/service/instance`, and so is kept."""
    parts = label.split("/")
    return len(parts) in {2, 3} and all(segment_name(part, "") == part != "" for part in parts)


def is_wanted(labels: Mapping[str, str]) -> bool:
    """Tell whether a container is to be followed."""
    return labels.get(SWITCH_LABEL, "true").strip().lower() not in {"false", "0", "no", "off"}


def read_container(inspected: Mapping[str, Any]) -> Container:
    """
    Read what `inspect` says; Docker's and Podman's answers, with keys missing as they do.

    Args:
        inspected: `GET /containers/{id}/json`.
    """
    state, config = inspected.get("State") or {}, inspected.get("Config") or {}
    host = inspected.get("HostConfig") or {}
    labels = {str(key): str(value) for key, value in (config.get("Labels") or {}).items()}
    name = str(inspected.get("Name") or inspected.get("Id", ""))[:200].lstrip("/")
    network = str(host.get("NetworkMode") or "")
    log = host.get("LogConfig") or {}
    driver = str(log.get("Type") or "")
    return Container(
        id=str(inspected.get("Id") or ""),
        name=name,
        place=place_of_container(name, labels),
        running=bool(state.get("Running")) and not state.get("Restarting"),  # waits for its next start
        tty=bool(config.get("Tty")),
        pid=int(state.get("Pid") or 0),
        started_at=str(state.get("StartedAt") or ""),
        log_driver=driver,
        cpus=_cpus(host),
        host_network=network == "host",
        shares_network=network.partition(":")[2] or None if network.startswith("container:") else None,
        restart_count=int(inspected.get("RestartCount") or 0),
        labels=labels,
        hostname=str(config.get("Hostname") or ""),
        ships=any(str(each).startswith(_CLIENT) for each in config.get("Env") or ()),
        health=_health(state),
        paused=bool(state.get("Paused")),
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        finished_at=str(state.get("FinishedAt") or ""),
        log_address=read_log_address(driver, log.get("Config") or {}),
    )


def _health(state: Mapping[str, Any]) -> str:
    found: Mapping[str, Any] = state.get("Health") or state.get("Healthcheck") or {}
    status = str(found.get("Status") or "")
    return "" if status == "none" else status


def _cpus(host: Mapping[str, Any]) -> float | None:
    nano = host.get("NanoCpus") or 0
    if nano > 0:
        return float(nano) / 1e9
    quota, period = host.get("CpuQuota") or 0, host.get("CpuPeriod") or 100_000
    return float(quota) / float(period) if quota > 0 else None
