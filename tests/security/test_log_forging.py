"""Text that looks like records or entries of their own: it stays where it was written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from pylogtap_collector.proofs.daemon import running_daemon
from tests.security.checking import hostile_segment
from tests.security.corpus import ANSI, FORGERIES, MARK
from tests.support.deliveries import deliver_segment
from tests.support.shop import line_segment

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.integration.cli.conftest import Shell

PROGRAM = """
import json, logging, sys, pylogtap
pylogtap.init(prefix=sys.argv[1])
for text in json.loads(sys.stdin.read()):
    logging.getLogger("standard").warning("said %s", text)
    logging.getLogger("standard").warning(text)
    pylogtap.get_logger(sys.argv[1]).warning("own", text=text, **{text: 1})
"""
FAILING = """
import sys
from pylogtap_collector.services.catalog import Catalog
async def fail(self, name):
    raise RuntimeError("nothing goes well today")
Catalog.project = fail
from pylogtap.cli import main
sys.exit(main())
"""
KEY = "only-for-these-tests"


@pytest.mark.parametrize("name", FORGERIES)
def test_messages_of_programs(collector: CollectorProcess, name: str) -> None:
    """Over the API, what was one message is one record: of its place, with its level and its text."""
    place = f"forge/api/{name}"
    deliver_segment(collector.url, hostile_segment([FORGERIES[name]], place, level="warning"))
    deliver_segment(collector.url, line_segment(FORGERIES[name], prefix=place))
    logs = list(collector.logs(f"instance:{name} project:forge"))
    assert [log["level"] for log in logs] == ["warning", "info"]
    assert logs[0]["message"] == f"{MARK} 1 {FORGERIES[name]}"
    assert logs[1]["message"] == FORGERIES[name]
    assert {(log["project"], log["service"]) for log in logs} == {("forge", "api")}
    assert list(collector.logs("project:other")) == []


def test_messages_of_handlers(shell: Shell) -> None:
    """Through the handler, structured or not, each call is one record, of the program's place and level."""
    texts = list(FORGERIES.values())
    ended = subprocess.run(
        [sys.executable, shell.program(PROGRAM), f"{shell.project}/a/b"],
        input=json.dumps(texts).encode(), env=shell.environment, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert b"\x1b" not in ended.stderr
    logs = shell.found(least=3 * len(texts))
    assert len(logs) == 3 * len(texts)
    assert {(log["level"], log["service"], log["instance"]) for log in logs} == {("warning", "a", "b")}
    assert {log["message"] for log in logs} == {*texts, *(f"said {text}" for text in texts), "own"}
    assert {log["attributes"]["text"] for log in logs if log["message"] == "own"} == set(texts)


@pytest.mark.parametrize("name", FORGERIES)
def test_lines_of_a_pipe(shell: Shell, name: str) -> None:
    r"""
    Through a pipe a line is a line, as documented: it is at most one record, and `\n` alone ends it.

    What a line says of its place is believed, as runners' prefixes are; in the middle of a line it is text.
    """
    text = FORGERIES[name]
    given = "".join(f"said {line}\n" for line in text.split("\n"))
    ended = shell.run("pipe", "--prefix", f"{shell.project}/a/b", "--quiet", given=given.encode())
    assert ended.returncode == 0
    said = [line for line in text.split("\n") if line]
    logs = shell.found('"said"', least=1)
    assert len(logs) <= len(text.split("\n"))
    assert len(logs) >= len([line for line in said if line.strip()])
    assert {(log["project"], log["service"], log["instance"]) for log in logs} == {(shell.project, "a", "b")}
    assert list(shell.collector.logs("project:other")) == []
    assert all(log["message"].startswith("said") for log in logs)


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A collector with a key that has a fault where it reads a project, and what it writes about itself."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_KEY", KEY)
    with running_daemon(tmp_path, ("-c", FAILING)) as running:
        yield running, tmp_path / "collector.log"


def asked(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> int:
    """Send a request, and return the status of its answer; 0 where it cannot be sent at all."""
    request = urllib.request.Request(url, body, method=method)
    for name, value in {"Authorization": f"Bearer {KEY}", **headers}.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_what_the_collector_writes_about_itself(failing: tuple[CollectorProcess, Path]) -> None:
    """Paths and headers of requests that fail are written escaped: no line is forged, no terminal obeys."""
    collector, log = failing
    statuses = []
    for text in (*FORGERIES.values(), *list(ANSI.values())[:40]):
        path = f"/api/v1/projects/{quote(text[:60], safe='')}"
        statuses.append(
            asked(f"{collector.url}{path}", User_Agent=quote(text)[:500], Referer=quote(text)[:500])
        )
        asked(f"{collector.url}/{quote(text[:1000], safe='')}")
        asked(f"{collector.url}/api/v1/sessions", "POST", b"{}", User_Agent=quote(text)[:500])
    assert statuses.count(500) > 40
    collector.stop()
    written = log.read_text()
    assert written.count("nothing goes well today") == statuses.count(500)
    assert {each for each in written.replace("\n", "") if not each.isprintable()} == set()
    beginnings = re.compile(r"\d{4}-\d\d-\d\d |Traceback|  |RuntimeError: nothing|pylogtap collector at|$")
    assert [line for line in written.splitlines() if not beginnings.match(line)] == []
    assert not [line for line in written.splitlines() if line.startswith("forged")]


def test_entries_of_the_audit_log(failing: tuple[CollectorProcess, Path]) -> None:
    """A name with line ends is one entry, with that name as its target and the address of the connection."""
    collector, _ = failing

    def audit(**query: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(f"{collector.url}/api/v1/audit?limit=1000")
        request.add_header("Authorization", f"Bearer {KEY}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            items: list[dict[str, Any]] = json.load(answer)["items"]
        return items

    names = [text for text in FORGERIES.values() if "\0" not in text]
    before, sent = len(audit()), []
    for name in names:
        body = json.dumps({"name": name, "password": "x"}).encode()
        if asked(f"{collector.url}/api/v1/sessions", "POST", body, Content_Type="application/json") == 401:
            sent.append(name)
    assert len(sent) >= 15
    entries = audit()
    assert len(entries) == before + len(sent)
    assert [entry["target"] for entry in reversed(entries)][before:] == [name[:100] for name in sent]
    assert {(entry["action"], entry["address"]) for entry in entries[: len(sent)]} == {
        ("session.refuse", "127.0.0.1")
    }
