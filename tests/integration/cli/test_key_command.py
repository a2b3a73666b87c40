"""`pylogtap key`, by a collector that runs and in a folder; and what keys let programs do."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from pylogtap.cli.api import Api
from tests.support.access import SERVER_KEY, Place, fresh, place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "a-secret-of-which-nobody-knows-anything"
PROGRAM = """
import logging, sys, pylogtap
pylogtap.init(sys.argv[1], console="off")
for number in range(50):
    logging.info("number %d", number)
"""


@pytest.fixture(params=["api", "data"])
def somewhere(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Where access is given, one way and the other."""
    with place(request.param, tmp_path, monkeypatch) as found:
        yield found


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A collector that needs a key, for tests after which it is as before."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:  # of this collector alone
            running = stack.enter_context(place("api", tmp_path_factory.mktemp("unchanged"), environment))
        yield running


@pytest.mark.timeout(300)  # many commands, each a process
def test_the_life_of_a_key(somewhere: Place) -> None:
    """Keys are made, listed, revoked by number or beginning, and removed; a secret is printed once, alone."""
    made = somewhere.run("key", "add", "web servers", "--project", "shop", "--expires", "30d")
    (web,) = made.stdout.decode().split()
    prefix = web[: len("plt_k3m9x2vq7d")]
    assert f"key {prefix}: delivers to shop until 20" in made.stderr.decode()
    assert web not in made.stderr.decode()
    ops = somewhere.said("key", "add", "ops", "--all-projects", "--role", "admin").strip()
    later = somewhere.said(
        "key", "add", "x", "--project", "new", "--role", "read", "--expires", "2100-01-01"
    ).strip()
    assert later.startswith("plt_")
    listed = somewhere.said("key", "list")
    assert web not in listed
    assert f"1   {prefix}  web servers  shop     ingest  active" in listed
    assert "(all)    admin   active  -" in listed
    assert "2100-01-01T00:00:00Z" in listed
    (one,) = map(
        json.loads, somewhere.said("key", "list", "--project", "shop", "--format", "json").splitlines()
    )
    assert (one["prefix"], one["role"], one["project"]) == (prefix, "ingest", "shop")
    assert somewhere.said("key", "revoke", prefix) == f"key {prefix} (web servers) is revoked\n"
    somewhere.said("key", "revoke", "3")
    assert somewhere.said("key", "remove", later) == f"key {later[:14]} (x) is removed\n"
    states = [line.split() for line in somewhere.said("key", "list").splitlines()[1:]]
    assert [("revoked" in each, "ops" in each) for each in states] == [(True, False), (False, True)]
    collector = somewhere.shell.collector
    if somewhere.options:
        collector.start()
    assert Api(collector.url, ops).get("/api/v1/me")["admin"] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "web"], "--project P or --all-projects"),
        (["add", "web", "--project", "a", "--all-projects"], "--project P or --all-projects"),
        (["add", "web", "--project", "no name"], "project:"),
        (["add", "web", "--project", "a", "--expires", "soon"], "write 30d"),
        (["add", "web", "--project", "a", "--expires", "2001-01-01"], "over already"),
        (["add", "web", "--project", "a", "--expires", "99999999d"], "years 1970 to 2261"),
        (["add", "web", "--project", "a", "--data", "d", "--url", "http://127.0.0.1:9"], "not both"),
        (["revoke", "plt_aaaaaaaaaa"], "there is no key plt_aaaaaaaaaa"),
        (["remove", "7"], "there is no key 7"),
        (["remove", f"plt_aaaaaaaaaa_{SECRET}"], "there is no key plt_aaaaaaaaaa…"),
        (["revoke", SECRET], "there is no key a-se…"),
        (["revoke", "3", f"plt_aaaaaaaaaa_{SECRET}"], "plt_aaaaaaaaaa…"),
    ],
)
def test_mistakes(arguments: list[str], words: str, unchanged: Place) -> None:
    """What cannot be right is told in a sentence that repeats no secret, and no key is made."""
    told = unchanged.refused("key", *arguments)
    assert words in told
    assert SECRET not in told
    assert unchanged.said("key", "list", "--format", "json") == ""


def test_the_first_key_closes_the_collector(tmp_path: Path) -> None:
    """Without an account this machine may make a key; from then on everything needs one, which is told."""
    with fresh(tmp_path) as shell:
        here = Place(shell)
        made = here.run("key", "add", "ops", "--all-projects", "--role", "admin")
        assert b"every program and every command needs a key" in made.stderr
        told = here.refused("key", "list")
        asked = here.refused("query")
        assert "export PYLOGTAP_KEY=" in asked
        assert "pylogtap key add NAME --project P --role read --as YOU" in asked
        assert told.index("pylogtap key list … --as NAME") < told.index("export PYLOGTAP_KEY=")
        shell.environment["PYLOGTAP_KEY"] = made.stdout.decode().strip()
        assert "ops" in here.said("key", "list")
        assert b"every program" not in here.run("key", "add", "web", "--project", "shop").stderr


def test_what_a_key_may_not_do_is_told_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without the right is told which right it lacks, and not to look for another key."""
    with place("api", tmp_path, monkeypatch) as running:
        key = running.said("key", "add", "web", "--project", "shop").strip()
        running.shell.environment["PYLOGTAP_KEY"] = key
        told = running.refused("key", "list")
        assert "right to manage" in told
        assert "export" not in told


def test_a_key_of_one_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It delivers to its own; what is refused of another is kept, and arrives by the right key."""
    with place("api", tmp_path, monkeypatch) as running:
        shell = running.shell
        shop, pay = (
            running.said("key", "add", name, "--project", name, "--role", "ingest").strip()
            for name in ("shop", "pay")
        )
        asked = Api(shell.collector.url, SERVER_KEY)
        for project in ("shop", "pay"):
            subprocess.run(
                [sys.executable, shell.program(PROGRAM), f"{project}/web"],
                env={**shell.environment, "PYLOGTAP_KEY": shop}, check=True, timeout=60,
            )  # fmt: skip
        assert len(messages(asked, "shop")) == 50
        assert messages(asked, "pay") == []
        refused = shell.run("drain", "--key", shop)
        assert refused.returncode == 1
        assert messages(asked, "pay") == []
        assert shell.run("drain", "--key", pay).returncode == 0
        assert messages(asked, "pay") == [f"number {number}" for number in range(50)]
        assert not list((tmp_path / "spool").rglob("*.seg*"))


def messages(asked: Api, project: str) -> list[str]:
    """Return the messages of a project, oldest first."""
    return [log["message"] for log in asked.items("/api/v1/logs", q=f"project:{project}", order="asc")]
