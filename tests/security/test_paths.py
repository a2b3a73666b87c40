"""Paths that lead out of where they belong: there is nothing there, and no file is read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

import pytest
import pytest_asyncio

from tests.integration.cli.conftest import Shell
from tests.security.checking import check_headers, check_refused
from tests.security.odd_requests import PATHS, STATIC, request, send
from tests.support.api import Caller, calling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pylogtap_collector.proofs.daemon import CollectorProcess

CONTENTS = (b"root:", b"import ", b"SQLite format", b"[fonts]", b"PATH=", b"BaseSettings")
COMMANDS = """
import contextlib, io, json, os, pathlib
from pylogtap.cli.commands import run

def everything():
    return {os.path.relpath(os.path.join(at, each), "inside") for at, folders, files in os.walk("inside")
            for each in folders + files if each != "spool"}

def called(*arguments):
    error = io.StringIO()
    os.chdir("inside")
    with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = run(arguments)
        except SystemExit as end:
            code = end.code
        except BaseException as failure:
            code = f"Traceback: {failure!r}"[:200]
    os.chdir("..")
    return code, f"{error.getvalue()}{code if isinstance(code, str) else ''}"

answers = []
for number, name in enumerate(json.loads(pathlib.Path("names.json").read_text())):
    pathlib.Path(f"{number}/inside/a").mkdir(parents=True)
    os.chdir(str(number))
    before = everything()
    code, text = called("export", "--format", "json", f"--output={name}")
    made = everything() - before
    texts = [text]
    for arguments in (("restore", "--data", "restored", "--", name), ("open", "--port", "0", "--", name)):
        other, text = called(*arguments)
        texts += [text, *([] if other in (1, 2) else [f"Traceback: it ended with {other}"])]
    answers.append([code, sorted(made), sorted(everything() - before - made), texts])
    os.chdir("..")
print(json.dumps(answers))
"""


class Ended(NamedTuple):
    """
    How an export ended, and what `restore` and `open` said of the same name.

    Attributes:
        code: Exit code of the export.
        made: Which files it made.
        others: Which files the others made.
        texts: What all of them said on standard error.
    """

    code: int | str
    made: list[str]
    others: list[str]
    texts: list[str]


NAMES = {
    "dashes": "--help",
    "dash": "-rf",
    "dots": "..",
    "slashes": "a//..//b.db",
    "newline": "a\nb.db",
    "escape": "\x1b[2J.db",
    "quote": "a'b\".db",
    "dollar": "$(touch owned).db",
    "backtick": "`touch owned`.db",
    "semicolon": "a;touch owned;.db",
    "pipe": "|touch owned",
    "percent": "%2e%2e%2fb.db",
    "uri": "file:b.db?mode=rwc&vfs=x",
    "uri-query": "b.db?mode=memory",
    "uri-fragment": "b.db#x",
    "memory": ":memory:",
    "blank": " .db",
    "wide": "\uff0e\uff0e\uff0fb.db",
    "bidi": "\u202ebd.exe",
    "long": "a" * 200 + ".db",
    "too-long": "a" * 5_000 + ".db",
    "not-utf-8": "a\udcff.db",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Caller]:
    """A collector of this module."""
    async with calling() as caller:
        yield caller


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.asyncio(loop_scope="module")
async def test_paths(shared: Caller, name: str, method: str) -> None:
    """A path that leads elsewhere is answered by a problem, also below the API, and never by a file."""
    path = PATHS[name]
    for target in (path, f"/api/v1/projects{path}", f"/api/v1/logs{path}"):
        (reply,) = (await send(shared, request(shared, method, target, "Connection: close"))).replies
        check_headers(reply.headers, path)
        assert reply.status in {400, 404, 405, 422}, (target[:80], reply.status, reply.body[:200])
        check_refused(reply, path)
        assert not [each for each in CONTENTS if each in reply.body]


@pytest.mark.parametrize("name", STATIC)
@pytest.mark.asyncio(loop_scope="module")
async def test_files_of_the_page(shared: Caller, name: str) -> None:
    """Below the digest there are the files of the page, under their one name each, and nothing else."""
    page = (await shared("GET", "/")).body.decode()
    root = re.search(r"/static/[0-9a-f]+", page)
    assert root is not None
    for target in (f"{root[0]}/{name}", f"/static/{name}", f"{root[0]}{name}", f"/static//{root[0]}/{name}"):
        (reply,) = (await send(shared, request(shared, "GET", target, "Connection: close"))).replies
        check_refused(reply)
        assert reply.status in {400, 404}, (target, reply.status)


@pytest.mark.asyncio(loop_scope="module")
async def test_names_of_downloads(shared: Caller) -> None:
    """The name under which a browser saves something is ours, whatever was asked for."""
    query = urllib.parse.urlencode({"q": '"../../evil.exe\r\nX-Injected: 1"', "filename": "evil.exe"})
    names = {}
    for method, path in (
        ("POST", "/api/v1/logs/incident"),
        ("POST", "/api/v1/backup"),
        ("GET", "/api/v1/logs/export"),
    ):
        asked = "" if path.endswith("backup") else f"?{query.partition('&')[0]}"
        reply = await shared(method, f"{path}{asked}")
        check_headers(reply.headers, "evil.exe")
        assert reply.status == 200, reply.body
        names[path] = reply.headers["Content-Disposition"]
        refused = await shared(method, f"{path}?{query}")
        check_refused(refused, "evil.exe")
    assert set(names.values()) == {
        'attachment; filename="pylogtap-incident.db"',
        'attachment; filename="pylogtap-backup.db"',
        'attachment; filename="pylogtap.jsonl"',
    }


@pytest.fixture(scope="module")
def ended(collector: CollectorProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """How the commands ended, each with each of the names in a folder of its own; by their names."""
    folder = tmp_path_factory.mktemp("names")
    shell = Shell(collector, folder, "any")
    (folder / "names.json").write_text(json.dumps([*NAMES.values()]))
    program = shell.program(COMMANDS)
    done = subprocess.run(
        [sys.executable, program],
        env=shell.environment,
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=100,
    )
    return {name: Ended(*each) for name, each in zip(NAMES, json.loads(done.stdout), strict=True)}


@pytest.mark.parametrize("name", NAMES)
def test_files_of_commands(ended: dict[str, Ended], name: str) -> None:
    """An export writes the one file that it was told to, or none; what is no database is not opened."""
    code, made, others, texts = ended[name]
    assert len(made) == (0 if code else 1), made
    assert code or made == [os.path.normpath(NAMES[name])]
    assert set(others) <= {"restored", "restored/collector.lock"}
    for text in texts:
        assert "Traceback" not in text
        assert "\x1b" not in text
