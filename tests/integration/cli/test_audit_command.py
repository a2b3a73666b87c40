"""`pylogtap audit`: what was done is shown, to whoever may see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.access import PASSWORD, Place, place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A collector where something was done."""
    with place("api", tmp_path, monkeypatch) as found:
        found.said("user", "add", "ada", "--project", "shop", "--role", "viewer", given=PASSWORD)
        yield found


def test_the_newest_first(running: Place) -> None:
    """Each line says when, who, what and to whom; filters and the limit take some of them."""
    shown = running.said("audit").splitlines()
    assert shown[0].split() == ["TIME", "WHO", "FROM", "ACTION", "PROJECT", "TARGET", "MORE"]
    assert "member.create  shop     ada     role=viewer" in shown[1]
    assert "PYLOGTAP_KEY  127.0.0.1  user.create" in shown[2]
    assert shown[2].endswith("admin=true")
    (newest,) = entries(running, "--limit", "1")
    assert (newest["action"], newest["target"], newest["detail"]) == (
        "member.create", "ada", {"role": "viewer"},
    )  # fmt: skip
    assert [each["action"] for each in entries(running, "--action", "user.", "--since", "1h")] == [
        "user.create"
    ]
    assert entries(running, "--actor", "nobody-like-that") == []
    assert [each["action"] for each in entries(running, "--project", "shop")] == ["member.create"]
    assert PASSWORD not in running.said("audit", "--format", "json")


def test_of_one_project(running: Place) -> None:
    """Who manages a project sees what was done there alone; who manages none is told so."""
    boss, reader = (
        running.said("key", "add", role, "--project", "shop", "--role", role).strip()
        for role in ("admin", "read")
    )
    running.shell.environment["PYLOGTAP_KEY"] = boss
    actions = [each["action"] for each in entries(running)]
    assert actions == ["key.create", "key.create", "member.create"]
    running.shell.environment["PYLOGTAP_KEY"] = reader
    assert "right to manage" in running.refused("audit")


def test_what_was_done_in_the_folder(running: Place) -> None:
    """What was done without the collector is in it, too, with the name of whoever was logged in."""
    collector = running.shell.collector
    collector.stop()
    folder = Place(running.shell, ("--data", str(collector.data)))
    folder.said("key", "add", "web", "--project", "shop")
    collector.start()
    (entry,) = entries(running, "--action", "key.")
    assert entry["actor"].endswith("@command line")
    assert entry["actor_kind"] == "local"


@pytest.mark.parametrize(("option", "value"), [("--since", "whenever"), ("--limit", "0")])
def test_mistakes(running: Place, option: str, value: str) -> None:
    """What cannot be read is told."""
    assert value in running.refused("audit", option, value)


def entries(running: Place, *options: str) -> list[dict[str, Any]]:
    """Return the entries that the command prints for programs."""
    return [json.loads(line) for line in running.said("audit", "--format", "json", *options).splitlines()]
