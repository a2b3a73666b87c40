"""Commands that sign in by `--as` for the time that they take."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from pylogtap.cli.api import Api
from tests.support.access import PASSWORD, Place, fresh, printed_code

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "another good password"


@pytest.mark.timeout(300)  # many commands, each a process
def test_from_the_code_to_a_key(tmp_path: Path) -> None:
    """The first account makes the first key by the command that is printed; no session stays open."""
    with fresh(tmp_path) as shell:
        here, code = Place(shell), printed_code(tmp_path)
        assert code is not None
        made = here.run("user", "add", "ada", "--code", code, given=PASSWORD).stderr.decode()
        (command,) = re.findall(r"export PYLOGTAP_KEY=\$\(pylogtap (key add .* --as ada)\)\n", made)
        key = here.said(*shlex.split(command), given=PASSWORD).strip()
        asked = Api(shell.collector.url, key)
        assert asked.get("/api/v1/me")["admin"] is True
        assert "there is no user bob" in here.refused("user", "show", "bob", "--as", "ada", given=PASSWORD)
        given = f"{PASSWORD}\n{OTHER}\n"
        assert "another password" in here.said("user", "password", "ada", "--as", "ada", given=given)
        shown = here.said("audit", "--as", "ada", "--action", "key.", "--format", "json", given=OTHER)
        assert [json.loads(line)["actor"] for line in shown.splitlines()] == ["ada"]
        assert "not right" in here.refused("key", "list", "--as", "ada", given=PASSWORD)
        assert asked.get("/api/v1/sessions", user=1)["items"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--key", "k"), "--as or --key"),
        (("--data", "d"), "--key or --as, not both"),
        ((), "no password of ada"),
    ],
)
def test_one_way_alone(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """Who signs in shows no key, needs no folder, and has a password."""
    with fresh(tmp_path) as shell:
        assert words in Place(shell).refused("user", "list", "--as", "ada", *options)
