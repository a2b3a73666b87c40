"""The page about dependencies names what the packages declare and what is vendored, and nothing else."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.support.documents import DOCS, ROOT, rows

PAGE = DOCS / "explanation" / "dependencies.md"
VENDOR = ROOT / "collector" / "pylogtap_collector" / "web" / "static" / "vendor" / "VENDOR.toml"


def read(name: str) -> dict[str, Any]:
    """Read a TOML file, by its path from the top."""
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def names(requirements: list[Any]) -> set[str]:
    """Return the names of packages in a list of requirements."""
    found = (re.match(r"[\w.-]+", each) for each in requirements if isinstance(each, str))
    return {match[0].lower() for match in found if match}


def test_client() -> None:
    """Of the client: dependencies and extras."""
    project = read("pyproject.toml")["project"]
    declared = names(project["dependencies"])
    declared |= {name for extra in project["optional-dependencies"].values() for name in names(extra)}
    assert {row[0] for row in rows(PAGE, "package", "needed")} == declared


def test_collector() -> None:
    """Of the collector, and of the development: the two tables of package and reason."""
    table = [row[0] for row in rows(PAGE, "package", "why")]
    collector = names(read("collector/pyproject.toml")["project"]["dependencies"])
    groups = read("pyproject.toml")["dependency-groups"]
    assert set(table[: len(collector)]) == collector
    assert set(table[len(collector) :]) == names(groups["dev"]) | names(groups["docs"])


def test_vendored() -> None:
    """Of what the browser gets: each with its licence."""
    declared = {
        package["name"]: package["licence"] for package in tomllib.loads(VENDOR.read_text())["package"]
    }
    assert {row[0]: row[1] for row in rows(PAGE, "package", "licence")} == declared


def test_constraints_name_no_addresses() -> None:
    """The pinned versions can be installed from wherever pip gets its packages."""
    lines = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = re.compile(r"[a-z0-9-]+==[\w.]+( ; [\w .'<>=!*]+)?")
    assert [line for line in lines if not line.startswith("#") and not pinned.fullmatch(line)] == []


def test_constraints_pin_what_is_declared() -> None:
    """Every dependency that is declared is pinned."""
    pinned = names((ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines())
    wanted = {row[0] for row in rows(PAGE, "package") if not row[0].startswith("@")}
    assert wanted - {"pylogtap", "pylogtap-collector", "uplot", "swagger-ui-dist"} <= pinned
