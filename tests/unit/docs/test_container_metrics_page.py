"""The page about metrics of containers lists what is measured, with kinds and units, and for how long."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pylogtap_collector.containers.arithmetic import points_of
from pylogtap_collector.containers.model import read_container
from pylogtap_collector.containers.readings import read_stats
from pylogtap_collector.settings import Settings
from tests.support.documents import DOCS, ROOT, code, rows

if TYPE_CHECKING:
    from typing import Any

PAGE = DOCS / "reference" / "container-metrics.md"
DATA = ROOT / "tests" / "data" / "containers"
OF_EVENTS = {"container.restarts", "container.oom_kills", "container.health"}


def recorded(name: str) -> Any:
    """Return what an engine has answered."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def test_metrics() -> None:
    """All metrics of a container are there, and no others."""
    container = read_container(recorded("docker-20.10-cgroupv1-inspect-running.json"))
    stats = read_stats(container, recorded("docker-20.10-cgroupv1-stats-single.json"))
    assert stats is not None
    numbers: dict[str, Any] = {
        name: 10**9 for name, value in stats._asdict().items() if value is None or type(value) is int
    }
    before = stats._replace(**numbers)
    doubled: dict[str, Any] = {name: value * 2 for name, value in numbers.items()}
    now = before._replace(**doubled)
    found = {point.name: (point.kind, point.unit or "") for point in points_of(container, now, before)}
    listed = {code(row[0]): (row[1], row[2]) for row in rows(PAGE, "container metric")}
    assert found.items() <= listed.items()
    assert listed.keys() - found.keys() == OF_EVENTS | {"container.uptime"}  # it began later than that


def test_how_long_they_are_kept() -> None:
    """The defaults are those of the settings."""
    listed = {code(row[1]): row[2] for row in rows(PAGE, "resolution")}
    defaults = Settings.model_fields
    assert listed == {
        name: f"{defaults[name].default:g} days"
        for name in ("metrics_raw_days", "metrics_minute_days", "metrics_hour_days")
    }
