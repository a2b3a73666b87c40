"""`pylogtap user`, by a collector that runs and in a folder of one that does not."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from pylogtap.cli.api import Api, Refused
from tests.integration.cli.conftest import COMMAND
from tests.support.access import PASSWORD, SERVER_KEY, Place, fresh, place, printed_code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER = "another good password"
_PATIENCE_S = 30.0


@pytest.fixture(params=["api", "data"])
def somewhere(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Where access is given, one way and the other."""
    with place(request.param, tmp_path, monkeypatch) as found:
        yield found


@pytest.mark.timeout(300)  # many commands, each a process
def test_the_life_of_a_user(somewhere: Place) -> None:
    """Users are made, listed, shown, changed, given roles, signed out and removed."""
    said = somewhere.said
    assert said("user", "add", "ada", given=PASSWORD) == "ada can sign in, and administers the collector\n"
    assert said("user", "add", "bob", "--project", "shop", "--role", "viewer", given=PASSWORD)
    ada, bob = map(json.loads, said("user", "list", "--format", "json").splitlines())
    assert (ada["name"], ada["admin"], bob["name"], bob["admin"]) == ("ada", True, "bob", False)
    assert bob["projects"] == [{"project": "shop", "role": "viewer"}]
    assert "bob   no     active  -             shop (viewer)\n" in said("user", "list")
    (member,) = map(json.loads, said("user", "list", "--project", "shop", "--format", "json").splitlines())
    assert (member["user"], member["role"]) == ("bob", "viewer")
    assert said("user", "grant", "bob", "shop", "editor") == "bob is editor of shop\n"
    assert json.loads(said("user", "show", "BOB", "--format", "json"))["projects"][0]["role"] == "editor"
    said("user", "revoke", "bob", "shop")
    said("user", "grant", "bob", "shop", "admin")
    assert "projects      shop (admin)\n" in said("user", "show", "bob")
    said("user", "change", "bob", "--rename", "robert", "--admin", "--disable")
    assert "robert  yes    disabled" in said("user", "list")
    assert said("user", "change", "robert", "--no-admin", "--enable").startswith("robert: active, does not")
    assert "signed out everywhere" in said("user", "password", "robert", given=OTHER)
    assert said("user", "sign-out", "robert") == "robert: 0 sessions ended\n"
    assert said("user", "remove", "robert", "--yes") == "robert is removed\n"
    assert "there is no user robert" in somewhere.refused("user", "show", "robert")


@pytest.mark.timeout(300)  # many commands, each a process
def test_mistakes_change_nothing(somewhere: Place) -> None:
    """What cannot be done is told in a sentence, and nobody is made or removed."""
    refused = somewhere.refused
    somewhere.said("user", "add", "ada", given=PASSWORD)
    before = somewhere.said("user", "list", "--format", "json")
    assert "already" in refused("user", "add", "ADA", given=PASSWORD)
    assert "10 characters" in refused("user", "add", "bob", given="short")
    assert "there is no password" in refused("user", "add", "bob")
    assert "name:" in refused("user", "add", "no name", given=PASSWORD)
    assert "--role for each" in refused("user", "add", "bob", "--project", "shop", given=PASSWORD)
    assert "no project nowhere" in refused(
        "user", "add", "bob", "--project", "nowhere", "--role", "viewer", given=PASSWORD
    )
    told = refused("user", "grant", "ada", "nowhere", "viewer")
    assert "no project nowhere" in told
    assert "with its first record, or by  POST /api/v1/projects" in told
    assert "bob" in refused("user", "grant", "bob", "shop", "viewer")
    assert "ada is no member of shop" in refused("user", "revoke", "ada", "shop")
    assert "only administrator" in refused("user", "change", "ada", "--no-admin")
    assert "only administrator" in refused("user", "remove", "ada", "--yes")
    assert "pylogtap user remove ada --yes" in refused("user", "remove", "ada")
    assert "say what changes" in refused("user", "change", "ada")
    assert "10 characters" in refused("user", "password", "ada", given="short")
    assert "there is no user bob" in refused("user", "sign-out", "bob")
    assert somewhere.said("user", "list", "--format", "json") == before


def test_a_password_that_is_made(somewhere: Place) -> None:
    """`--generate` prints a password alone, and one can sign in by it."""
    made = somewhere.run("user", "add", "ada", "--generate")
    again = somewhere.run("user", "password", "ada", "--generate")
    assert b"can sign in" in made.stderr
    assert b"another password" in again.stderr
    collector = somewhere.shell.collector
    if somewhere.options:
        collector.start()
    asked = Api(collector.url, None)
    with pytest.raises(Refused):
        asked.post("/api/v1/sessions", {"name": "ada", "password": made.stdout.decode().strip()})
    asked.post("/api/v1/sessions", {"name": "ada", "password": again.stdout.decode().strip()})


def test_sessions_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signing somebody out ends his sessions; disabling him keeps him out."""
    with place("api", tmp_path, monkeypatch) as running:
        asked = Api(running.shell.collector.url, None)
        running.said("user", "add", "ada", given=PASSWORD)
        running.said("user", "add", "bob", given=PASSWORD)
        given = {"name": "bob", "password": PASSWORD}
        asked.post("/api/v1/sessions", given)
        asked.post("/api/v1/sessions", given)
        assert running.said("user", "sign-out", "bob") == "bob: 2 sessions ended\n"
        running.said("user", "change", "bob", "--disable")
        with pytest.raises(Refused):
            asked.post("/api/v1/sessions", given)


def test_the_first_account_takes_the_code(tmp_path: Path) -> None:
    """Beside a collector that runs, the code that it printed makes the first account, once."""
    with fresh(tmp_path) as shell:
        here, code = Place(shell), printed_code(tmp_path)
        assert code is not None
        assert "--code" in here.refused("user", "add", "ada", given=PASSWORD)
        assert "The code is not right" in here.refused(
            "user", "add", "ada", "--code", "AAAA-BBBB-CCCC", given=PASSWORD
        )
        ended = here.run("user", "add", "ada", "--code", code.lower(), given=PASSWORD)
        assert ended.returncode == 0, ended.stderr.decode()
        assert ended.stdout == b"ada can sign in, and administers the collector\n"
        assert b"/sign-in" in ended.stderr
        Api(shell.collector.url, None).post("/api/v1/sessions", {"name": "ada", "password": PASSWORD})
        assert "an account already" in here.refused("user", "add", "bob", "--code", code, given=PASSWORD)
        assert "export PYLOGTAP_KEY=" in here.refused("user", "list")


def test_a_key_makes_the_first_account_without_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever administers by a key needs no code; the first account administers, too."""
    with place("api", tmp_path, monkeypatch) as running:
        assert printed_code(tmp_path) is not None
        assert "administers" in running.said("user", "add", "ada", given=PASSWORD)
        running.shell.collector.stop()
        running.shell.collector.start()
        assert printed_code(tmp_path) is None


def test_a_folder_that_is_not_there_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first account can be made before the first start; then everybody has to show who he is."""
    with place("data", tmp_path, monkeypatch) as elsewhere:
        data = tmp_path / "new" / "data"
        options = ("--data", str(data))
        ended = elsewhere.shell.run("user", "add", "ada", "--admin", *options, given=PASSWORD.encode())
        assert ended.returncode == 0, ended.stderr.decode()
        assert f"made a new database in {data}" in ended.stderr.decode()
        assert (data / "pylogtap.db").stat().st_mode & 0o077 == 0
        assert b"ada" in elsewhere.shell.run("user", "list", *options).stdout


def test_a_folder_that_was_mistyped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no database, only what adds somebody makes one."""
    with place("data", tmp_path, monkeypatch) as elsewhere:
        typo = tmp_path / "typo"
        for arguments in (("user", "list"), ("key", "revoke", "1")):
            told = Place(elsewhere.shell, ("--data", str(typo))).refused(*arguments)
            assert f"there is no database in {typo}" in told
        assert not typo.exists()


def test_a_folder_in_use(tmp_path: Path) -> None:
    """A folder that a collector uses is left to it, and the message says how to ask the collector."""
    with fresh(tmp_path) as shell:
        told = Place(shell, ("--data", str(shell.collector.data))).refused("user", "list")
        assert "another collector uses" in told
        assert "--as NAME instead of --data" in told
        assert "--url" in told
        assert "--code" not in told


@pytest.mark.parametrize(
    "options",
    [
        ("--url", "http://127.0.0.1:9"),
        ("--key", SERVER_KEY),
        ("--code", "AAAA-BBBB-CCCC"),
    ],
)
def test_one_way_alone(options: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is about a collector that runs does not go with --data."""
    with place("data", tmp_path, monkeypatch) as folder:
        assert "--data" in folder.refused("user", "add", "ada", *options, given=PASSWORD)
        assert folder.said("user", "list", "--format", "json") == ""


def test_people_at_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the password is asked for twice, and never shown; removing somebody asks, too."""
    with place("data", tmp_path, monkeypatch) as folder:
        shown = typed(folder, ("user", "add", "ada"), [("Password:", PASSWORD), ("confirm", PASSWORD)])
        assert "ada can sign in" in shown
        assert PASSWORD not in shown
        folder.said("user", "add", "bob", given=PASSWORD)
        assert "nothing was removed" in typed(folder, ("user", "remove", "bob"), [("for good?", "n")])
        assert "bob is removed" in typed(folder, ("user", "remove", "bob"), [("for good?", "y")])


def typed(where: Place, arguments: tuple[str, ...], answers: list[tuple[str, str]]) -> str:
    """Run a command at a terminal, answer what it asks, and return all that was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments, *where.options], env=where.shell.environment, start_new_session=True,
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = ""
    for question, answer in answers:
        asked = ""
        while question not in asked and (chunk := read_terminal(ours)):
            asked += chunk
        shown += asked
        assert question in asked, shown
        os.write(ours, f"{answer}\n".encode())
    while chunk := read_terminal(ours):
        shown += chunk
    process.wait(_PATIENCE_S)
    os.close(ours)
    return shown


def read_terminal(terminal: int) -> str:
    """Return what is shown next; nothing where the other end is closed."""
    try:
        return os.read(terminal, 4096).decode()
    except OSError:
        return ""
