"""The page of settings says what the two tables of settings in the code say."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

import pylogtap.settings
from pylogtap_collector.models import CollectorSettings
from pylogtap_collector.services.preferences import GITHUB_URL, OF_START
from pylogtap_collector.settings import Settings
from tests.support.documents import DOCS, blocks, code, rows

if TYPE_CHECKING:
    from pathlib import Path

PAGE = DOCS / "reference" / "settings.md"
CLIENT = {field.name: field.default for field in fields(pylogtap.settings.Settings)}
COLLECTOR = Settings.model_fields
TABLE = rows(PAGE, "setting")
CLIENT_ROWS, COLLECTOR_ROWS = TABLE[: len(CLIENT)], TABLE[len(CLIENT) :]


def test_every_client_setting_is_there() -> None:
    """The first table lists the client's settings, all of them, each with its environment variable."""
    assert [code(row[0]) for row in CLIENT_ROWS] == list(CLIENT)
    assert [code(row[1]) for row in CLIENT_ROWS] == [f"PYLOGTAP_{name.upper()}" for name in CLIENT]


@pytest.mark.parametrize(
    "row", [row for row in CLIENT_ROWS if row[2].startswith("`")], ids=lambda row: row[0]
)
def test_client_defaults(row: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A default of the page, given as a setting, is the default."""
    monkeypatch.chdir(tmp_path)
    name = code(row[0])
    if name == "spool_dir":
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        shown = code(row[2]).replace("$XDG_STATE_HOME", str(tmp_path))
        assert shown == str(pylogtap.settings.default_spool_dir())
    else:
        monkeypatch.setenv(code(row[1]), code(row[2]))
        assert getattr(pylogtap.settings.load(), name) == CLIENT[name]


def test_client_settings_without_default() -> None:
    """Where the page shows no value, there is none, or it is made when it is needed."""
    empty = {code(row[0]) for row in CLIENT_ROWS if not row[2].startswith("`")}
    assert empty == {name for name, default in CLIENT.items() if default in (None, ())} - {"spool_dir"}


def test_file_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The example for pyproject.toml is read as it is meant."""
    (block,) = blocks(PAGE, "toml")
    (tmp_path / "pyproject.toml").write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    read = pylogtap.settings.load()
    table = tomllib.loads(block.text)["tool"]["pylogtap"]
    assert set(table) == {"prefix", "level", "redact", "spool-max-bytes"}
    assert (read.prefix, read.level, read.spool_max_bytes) == (table["prefix"], 10, 256 << 20)
    assert list(read.redact) == table["redact"]


def test_prefix_example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The example of the guide about prefixes sets one."""
    (block,) = blocks(DOCS / "how-to" / "choose-a-prefix.md", "toml")
    (tmp_path / "pyproject.toml").write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert pylogtap.settings.load().prefix == "shop/checkout"


def test_every_collector_setting_is_there() -> None:
    """The second table lists the collector's settings, all of them, each with its environment variable."""
    assert {code(row[0]) for row in COLLECTOR_ROWS} == set(COLLECTOR)
    assert len(COLLECTOR_ROWS) == len(COLLECTOR)


@pytest.mark.parametrize("row", COLLECTOR_ROWS, ids=lambda row: row[0])
def test_collector_defaults(row: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A default of the page, given through its environment variable, is the default."""
    default = COLLECTOR[code(row[0])].get_default()
    if row[2].startswith("`"):
        monkeypatch.setenv(code(row[1]), code(row[2]))
        assert getattr(Settings(), code(row[0])) == default
    else:
        assert default is None or COLLECTOR[code(row[0])].default_factory is not None


@pytest.mark.parametrize("name", ["docker_period_s", "host_period_s"])
def test_bounds_of_periods(name: str) -> None:
    """The bounds of the page are the least and the greatest value that is taken."""
    (meaning,) = [row[3] for row in COLLECTOR_ROWS if code(row[0]) == name]
    (bounds,) = re.findall(r"([\d.]+) to ([\d.]+)", meaning)
    least, most = COLLECTOR[name].metadata
    assert (least.ge, most.le) == tuple(float(each.rstrip(".")) for each in bounds)


def test_settings_that_change_while_it_runs() -> None:
    """The third table lists the members of the API's settings, with what they are where nothing was said."""
    listed = {code(row[0]): row[1] for row in rows(PAGE, "member")}
    groups = {name: field.annotation for name, field in CollectorSettings.model_fields.items()}
    members = {
        f"{group}.{name}"
        for group, kind in groups.items()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name in kind.model_fields
    }
    assert set(listed) == members
    for name, own in OF_START.items():
        default = COLLECTOR[own].get_default()
        assert listed[name] == ("none" if default is None else f"`{default}`")
    assert listed["github.url"] == f"`{GITHUB_URL}`"
