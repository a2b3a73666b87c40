"""
The newest samples in Prometheus' text format, version 0.0.4.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/. What containers use has
the names and labels that cAdvisor gives it, so that boards made for that show it (source: google/cadvisor,
docs/storage/prometheus.md); everything else has its own name with its unit behind.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.containers.model import ALONE
from pylogtap_collector.services.latest import STALE_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pylogtap_collector.services.latest import Newest

_FORGOTTEN_NS = 3_600 * 10**9  # Prometheus takes nothing that is older than its newest block
_UNITS = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds", "min": "minutes",
    "h": "hours", "d": "days", "%": "percent", "bytes": "bytes", "B": "bytes", "By": "bytes", "byte": "bytes",
    "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "V": "volts", "A": "amperes", "J": "joules",
    "W": "watts", "g": "grams", "m": "meters", "Cel": "celsius", "°C": "celsius", "Hz": "hertz", "1": "",
}  # fmt: skip
_NAME, _UNIT = re.compile(r"[^a-zA-Z0-9_:]"), re.compile(r"[^a-zA-Z0-9_]+")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_TOTAL = "_total"


class _Known(NamedTuple):
    """How a metric of containers is called by cAdvisor."""

    name: str
    kind: str
    help: str
    labels: tuple[tuple[str, str], ...] = ()


_ALL_CPUS, _ALL_NETWORKS, _ALL_DISKS = (("cpu", "total"),), (("interface", "all"),), (("device", ""),)
_CONTAINERS: Mapping[tuple[str, str | None], _Known] = {  # by name and direction
    ("container.cpu.time", None): _Known(
        "container_cpu_usage_seconds_total", "counter", "CPU time used.", _ALL_CPUS
    ),
    ("container.cpu.periods", None): _Known(
        "container_cpu_cfs_periods_total", "counter", "Periods in which CPU time was given out."
    ),
    ("container.cpu.throttled_periods", None): _Known(
        "container_cpu_cfs_throttled_periods_total", "counter", "Periods in which there was too little of it."
    ),
    ("container.cpu.throttled_time", None): _Known(
        "container_cpu_cfs_throttled_seconds_total", "counter", "Time spent waiting for CPU time."
    ),
    ("container.memory.usage", None): _Known(
        "container_memory_working_set_bytes", "gauge", "Memory in use, without what can be given back."
    ),
    ("container.memory.limit", None): _Known(
        "container_spec_memory_limit_bytes", "gauge", "Memory that it may use."
    ),
    ("container.pids", None): _Known("container_threads", "gauge", "Threads that run in it."),
    ("container.oom_kills", None): _Known(
        "container_oom_events_total", "counter", "Processes killed because memory ran out."
    ),
    ("container.network.io", "receive"): _Known(
        "container_network_receive_bytes_total", "counter", "Bytes received.", _ALL_NETWORKS
    ),
    ("container.network.io", "transmit"): _Known(
        "container_network_transmit_bytes_total", "counter", "Bytes sent.", _ALL_NETWORKS
    ),
    ("container.network.errors", "receive"): _Known(
        "container_network_receive_errors_total", "counter", "Errors while receiving.", _ALL_NETWORKS
    ),
    ("container.network.errors", "transmit"): _Known(
        "container_network_transmit_errors_total", "counter", "Errors while sending.", _ALL_NETWORKS
    ),
    ("container.network.dropped", "receive"): _Known(
        "container_network_receive_packets_dropped_total", "counter", "Packets not received.", _ALL_NETWORKS
    ),
    ("container.network.dropped", "transmit"): _Known(
        "container_network_transmit_packets_dropped_total", "counter", "Packets not sent.", _ALL_NETWORKS
    ),
    ("container.disk.io", "read"): _Known(
        "container_fs_reads_bytes_total", "counter", "Bytes read.", _ALL_DISKS
    ),
    ("container.disk.io", "write"): _Known(
        "container_fs_writes_bytes_total", "counter", "Bytes written.", _ALL_DISKS
    ),
}


class _Family:
    """All samples of one name."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind = kind
        self.text = text
        self.samples: dict[str, str] = {}  # by their labels: no two may have the same


def expose(newest: Iterable[Newest], now_ns: int, reserved: str) -> str:
    """
    Write samples.

    A sample has a timestamp only if its metric is silent for five minutes; after an hour it is left out.

    Args:
        newest: The samples.
        now_ns: What ages count from.
        reserved: How names begin that are not given to them.
    """
    families: dict[str, _Family] = {}
    for each in newest:
        age = now_ns - each.time
        if age > _FORGOTTEN_NS:
            continue
        stamp = f" {each.time // 1_000_000}" if age > STALE_NS else ""
        for name, family, labels in _forms(each):
            own = f"exported_{name}" if name.startswith(reserved) else name
            samples = families.setdefault(own, family).samples
            samples.setdefault(_written(labels), f"{each.value!r}{stamp}")
    return "".join(_lines(name, family) for name, family in sorted(families.items()))


def _forms(newest: Newest) -> Iterable[tuple[str, _Family, Sequence[tuple[str, str]]]]:
    """Return the name, the family and the labels that a sample has."""
    project, service, instance = newest.place
    place = [("project", project), ("service", service), ("instance", instance)]
    if newest.name.startswith("container."):
        if project == ALONE:
            place.append(("name", instance))
        else:
            place += [
                ("name", f"{project}-{instance}"),  # as compose calls it, since version 2
                ("container_label_com_docker_compose_project", project),
                ("container_label_com_docker_compose_service", service),
            ]
        known = _CONTAINERS.get((newest.name, newest.labels.get("direction")))
        if known is not None and known.kind == newest.kind:
            more = [(name, value) for name, value in newest.labels.items() if name != "direction"]
            own = [*known.labels, *_free(more, [*place, *known.labels])]
            return [(known.name, _Family(known.kind, known.help), [*place, *own])]
    name = exposed_name(newest.name, newest.unit, counter=newest.kind == "counter")
    family = _Family(newest.kind, f"{newest.name}{'' if newest.unit is None else f', {newest.unit}'}.")
    return [(name, family, [*place, *_free(list(newest.labels.items()), place)])]


def exposed_name(name: str, unit: str | None, *, counter: bool) -> str:
    """
    Return a name that Prometheus takes: with the unit behind, and `_total` if it is a counter's.

    Args:
        name: Any text.
        unit: What the values count.
        counter: Whether it is one.
    """
    plain = _NAME.sub("_", name) or "_"
    if plain.endswith(_TOTAL):  # of a gauge it would say what is not so
        plain = plain.removesuffix(_TOTAL) if counter else f"{plain}_value"
    if plain[0].isdigit():
        plain = f"_{plain}"
    suffix = "" if unit is None else _UNITS.get(unit, _UNIT.sub("_", unit).strip("_"))
    if suffix and not plain.endswith(f"_{suffix}"):
        plain = f"{plain}_{suffix}"
    return f"{plain}{_TOTAL}" if counter else plain


def _free(labels: Sequence[tuple[str, str]], taken: Sequence[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Return labels under names that Prometheus takes, and that nothing else has."""
    names = {name for name, _ in taken}
    for label, value in labels:
        name = _UNIT.sub("_", label)
        if name[:1].isdigit() or name.startswith("__") or not name:
            name = f"label_{name.lstrip('_')}"
        while name in names:
            name = f"exported_{name}"
        names.add(name)
        yield name, value


def _written(labels: Iterable[tuple[str, str]]) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)


def _lines(name: str, family: _Family) -> str:
    text = family.text.replace("\\", "\\\\").replace("\n", "\\n")
    samples = "".join(f"{name}{{{labels}}} {value}\n" for labels, value in family.samples.items())
    return f"# HELP {name} {text}\n# TYPE {name} {family.kind}\n{samples}"
