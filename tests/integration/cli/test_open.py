"""Incident files and `pylogtap open`: sent to somebody, they show what was seen, and stay as they are."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap import wire
from pylogtap_collector.storage import hot, sealing
from tests.support.deliveries import deliver_segment
from tests.support.segments import SegmentBuilder, numbered_segment
from tests.support.stores import deliver, messages, running_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.cli.conftest import Shell

JSON = {"Content-Type": "application/json"}


def ask(url: str, path: str, method: str = "GET", body: Any = None, kind: str = "application/json") -> Any:
    """Send a request, and return the status and the answer's document."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method, headers={"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith((b"{", b"[")) else text
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@contextmanager
def opened(shell: Shell, name: str) -> Iterator[tuple[str, str]]:
    """Run `pylogtap open`; yield its address and what it printed; it ends by Ctrl-C."""
    process = shell.start("open", name)
    assert process.stdout is not None
    printed = ""
    try:
        while "Ctrl-C" not in printed:
            line = process.stdout.readline().decode()
            assert line, process.communicate()[1].decode()
            printed += line
        (url,) = re.findall(r"page +(http://127\.0\.0\.1:\d+)/", printed)
        yield url, printed
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) in {0, 130}
    finally:
        process.kill()
        process.communicate()


def state(folder: Path) -> dict[str, str]:
    """Return what a folder holds: each file's check sum."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.is_file()
    }


def send_incident(shell: Shell) -> None:
    """Deliver records of two services, one of them with an error, and label a record."""
    for first in range(0, 300, 50):
        deliver_segment(
            shell.collector.url, numbered_segment(50, first=first, prefix=f"{shell.project}/s{first % 100}/i")
        )
    segment = SegmentBuilder(f"{shell.project}/pay/i")
    failed = segment.site("card %s declined", level="error", severity=17)
    segment.record(failed, ["42"], {"order": 7}, {wire.MORE_TRACE: "ab" * 16})
    deliver_segment(shell.collector.url, segment)
    found = next(iter(shell.collector.logs(f"project:{shell.project} declined")))
    patched = ask(
        shell.collector.url, f"/api/v1/logs/{found['id']}", "PATCH",
        {"labels": {"cause": "bank"}, "note": "seen by Ann"},
    )  # fmt: skip
    assert patched[0] == 200
    assert (
        ask(shell.collector.url, f"/api/v1/projects/{shell.project}", "PATCH", {"description": "The shop"})[0]
        == 200
    )


def test_an_incident_is_shown_as_it_was(shell: Shell) -> None:
    """The records of a query come with ids, places, labels and notes; nothing else comes; the file stays."""
    send_incident(shell)
    query = f"project:{shell.project} (declined OR n:<120)"
    ended = shell.run("export", query, "--format", "incident", "--output", "incident.db", "--since", "1d")
    assert ended.returncode == 0, ended.stderr.decode()
    assert b"121 records" in ended.stderr
    assert (shell.folder / "incident.db").stat().st_size < 200_000
    wanted = list(shell.collector.logs(query))
    before = state(shell.folder)
    with opened(shell, "incident.db") as (url, printed):
        assert query in printed
        assert "--since 1d" in printed
        assert ask(url, "/api/v1/logs?order=asc&limit=1000")[1]["items"] == wanted
        labelled = ask(url, "/api/v1/logs?q=label.cause:bank")[1]["items"]
        assert [(log["note"], log["trace_id"]) for log in labelled] == [("seen by Ann", "ab" * 16)]
        project = ask(url, f"/api/v1/projects/{shell.project}")[1]
        assert (project["records"], project["description"], project["services"]) == (121, "The shop", 3)
        patterns = ask(url, "/api/v1/logs/patterns")[1]["items"]
        assert {each["template"]: each["count"] for each in patterns} == {
            "number %d": 120,
            "card %s declined": 1,
        }
        assert ask(url, "/readyz")[0] == 200
        assert b"<html" in ask(url, "/")[1]
        again = shell.run("export", "--format", "json", "--url", url).stdout.decode()
        assert [json.loads(line) for line in again.splitlines()] == wanted
    assert state(shell.folder) == before


def test_nothing_can_be_changed(shell: Shell) -> None:
    """Whoever delivers, labels, deletes or compacts is told that this is only shown."""
    send_incident(shell)
    assert (
        shell.run("export", f"project:{shell.project}", "--format", "incident", "-o", "i.db").returncode == 0
    )
    before = state(shell.folder)
    segment = numbered_segment(1)
    with opened(shell, "i.db") as (url, _):
        some = ask(url, "/api/v1/logs")[1]["items"][0]["id"]
        attempts = [
            ask(
                url, f"/api/v1/ingest?stream={segment.identity.hex()}&offset={wire.HEADER_SIZE}", "POST",
                segment.slice(), "application/vnd.pylogtap.slice",
            ),
            ask(url, f"/api/v1/logs/{some}", "PATCH", {"note": "x"}),
            ask(url, "/api/v1/logs?all=true", "DELETE"),
            ask(url, "/api/v1/projects", "POST", {"name": "x"}),
            ask(url, "/api/v1/compact", "POST"),
        ]  # fmt: skip
        answers = [(status, problem.get("code")) for status, problem in attempts]
        assert answers == [(403, "read_only")] * len(attempts), attempts
        assert "pylogtap serve" in attempts[0][1]["detail"]
    assert state(shell.folder) == before


def test_a_backup_is_shown(shell: Shell) -> None:
    """A backup is shown as well, with records that no block has, from a folder that cannot be written."""
    send_incident(shell)
    made = shell.run("backup", "b.db")
    assert made.returncode == 0, made.stderr.decode()
    folder = shell.folder / "sealed"
    folder.mkdir()
    shutil.move(shell.folder / "b.db", folder / "b.db")
    folder.chmod(0o555)
    before = state(folder)
    wanted = list(shell.collector.logs(f"project:{shell.project}"))
    try:
        with opened(shell, "sealed/b.db") as (url, _):
            found = ask(url, f"/api/v1/logs?q=project:{shell.project}&order=asc&limit=1000")[1]["items"]
            assert found == wanted
    finally:
        folder.chmod(0o755)
    assert state(folder) == before


def test_a_key_of_the_environment_guards_what_is_shown(shell: Shell) -> None:
    """Who has a key in the environment shows a file to those alone who know it."""
    deliver_segment(shell.collector.url, numbered_segment(3))
    assert shell.run("backup", "monday.db").returncode == 0
    shell.environment["PYLOGTAP_KEY"] = "a key of my own"
    with opened(shell, "monday.db") as (url, _):
        assert ask(url, "/api/v1/logs/count")[0] == 401
        headers = {"Authorization": "Bearer a key of my own"}
        request = urllib.request.Request(f"{url}/api/v1/logs/count", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer)["total"] >= 3  # the collector is that of other tests, too


def test_a_database_in_use_is_shown(shell: Shell) -> None:
    """The database of a collector that runs is shown as it is at that moment, with what its log has."""
    send_incident(shell)
    data = os.fspath(shell.collector.data / "pylogtap.db")
    with opened(shell, data) as (url, _):
        assert ask(url, f"/api/v1/logs?q=project:{shell.project}+declined")[1]["items"]
    assert shell.collector.get("/readyz")["status"] == "ok"


@pytest.mark.parametrize(
    ("content", "said"), [(None, "there is no file"), (b"", "no database"), (b"x" * 9_000, "is damaged")]
)
def test_what_cannot_be_shown(shell: Shell, content: bytes | None, said: str) -> None:
    """A file that is none of ours is refused in a sentence."""
    if content is not None:
        (shell.folder / "x.db").write_bytes(content)
    ended = shell.run("open", "x.db")
    assert ended.returncode == 1
    assert said in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()


def test_compact_by_command(shell: Shell) -> None:
    """A collector is compacted while it runs, and a folder when none runs; the records stay."""
    send_incident(shell)
    running = shell.run("compact")
    assert running.returncode == 0, running.stderr.decode()
    assert "bytes" in running.stdout.decode()
    in_use = shell.run("compact", "--data", str(shell.collector.data))
    assert in_use.returncode == 1
    assert b"another collector uses" in in_use.stderr
    assert shell.run("backup", str(shell.folder / "d" / "pylogtap.db")).returncode == 1
    (shell.folder / "d").mkdir()
    assert shell.run("backup", "d/pylogtap.db").returncode == 0
    resting = shell.run("compact", "--data", "d")
    assert resting.returncode == 0, resting.stderr.decode()
    assert shell.run("compact", "--data", "nowhere").returncode == 1
    assert not (shell.folder / "nowhere").exists()
    with opened(shell, "d/pylogtap.db") as (url, _):
        assert len(ask(url, f"/api/v1/logs?q=project:{shell.project}&limit=1000")[1]["items"]) == 301


async def test_compact_is_killed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any moment, a compaction leaves every record where it can be found, and the next ends it."""
    monkeypatch.setattr(hot, "CHUNK", 4)
    monkeypatch.setattr(sealing, "BLOCK", 10)
    data = shell.folder / "data"
    async with running_store(data, recent_records=0, adopt=False) as store:
        await store.tasks.stop()
        for first in range(0, 2_000, 10):
            await deliver(store, numbered_segment(10, first=first))
        while await store.keeper.seal():
            pass
    for wait_s in (0.5, 0.7, 0.9, 1.1, 1.3):
        process = shell.start("compact", "--data", "data")
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=wait_s)
        process.kill()
        process.communicate()
    ended = shell.run("compact", "--data", "data")
    assert ended.returncode == 0, ended.stderr.decode()
    assert "→ 1\n" in ended.stdout.decode()
    async with running_store(data, recent_records=0, adopt=False) as store:
        assert sorted(await messages(store)) == sorted(f"number {number}" for number in range(2_000))
