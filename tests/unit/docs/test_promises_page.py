"""The page of promises has a row for each promise, and each is tried by something that notes what it saw."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.proofs.essential import KEYS
from pylogtap_collector.proofs.promises import BROKE_OFF, PROMISES, SECTIONS, Seen
from tests.support.documents import DOCS, ROOT, rows
from tools import promises

if TYPE_CHECKING:
    from pathlib import Path

PAGE = DOCS / "explanation" / "promises.md"
HOMES = ("tests", "collector/pylogtap_collector/proofs")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for home in HOMES
    for path in (ROOT / home).rglob("*.py")
    if "promises" not in path.parts and path.name != "essential.py"
)
ROW = {"about": "a queue", "kills": 10, "returned": 1000, "lost": 10, "lost_percent": 1, "worst": 4}
PEERS = {"rate_per_s": 1000, "seed": 3, "summary": [ROW]}


def test_every_promise_has_a_row_and_every_row_is_a_promise() -> None:
    """The rows of the page are the promises, in their order; `nox -s faults` writes it."""
    wanted = [[each.fault, each.kept, each.figure] for each in PROMISES.values()]
    assert [row[:3] for row in rows(PAGE, *promises.HEADINGS)] == wanted


def test_keys_and_faults_are_told_apart() -> None:
    """No two promises have the same name, or speak of the same fault."""
    everything = [each for section in SECTIONS.values() for each in section]
    for told in ([each.key for each in everything], [each.fault for each in everything]):
        assert [text for text, count in Counter(told).items() if count > 1] == []


@pytest.mark.parametrize("key", PROMISES)
def test_every_promise_is_tried(key: str) -> None:
    """A test or a proof notes what it saw of each promise."""
    assert re.search(rf"""["']{key}["']""", SOURCES)


def test_every_proof_shows_a_promise() -> None:
    """What the command tries is promised."""
    assert set(KEYS) <= set(PROMISES)


def test_page_of_a_run() -> None:
    """A row shows what was seen, the worst where it was not kept; the others say that they were not run."""
    kept, broken = "application-killed", "forks"
    notes = [
        *(Seen(kept, f"{number} kills: 0 lost", kept=True, seed=7) for number in range(5)),
        Seen(broken, "0 hung", kept=True, seed=7),
        Seen(broken, "1 hung", kept=False, seed=7),
    ]
    lines = promises.render(notes, PEERS).splitlines()
    row_of = {key: next(line for line in lines if PROMISES[key].fault in line) for key in PROMISES}
    assert row_of[kept].endswith(
        "| 5 times, each time kept; the last:<br>2 kills: 0 lost<br>3 kills: 0 lost<br>4 kills: 0 lost |"
    )
    assert row_of[broken].endswith("| **not kept:** 1 hung |")
    assert all(
        line.endswith(f"| {promises.NOT_RUN} |") for key, line in row_of.items() if key not in {kept, broken}
    )
    assert any("; seed 7; **not kept: 1**." in line for line in lines)
    assert "| a queue | 1,000 | 10 | 1.00 | 4 |" in lines


def test_what_broke_off_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that went wrong before it saw anything is named, and no earlier note of another run hides it."""
    for name, key, figure, kept in (
        ("long", BROKE_OFF, "test_all (call)", False),
        ("short", "forks", "0 hung", True),
    ):
        Seen(key, figure, kept, 7).append_to(tmp_path / name)
    row = {"key": "bombs-and-silence", "seen": "3 bombs", "kept": True, "seed": 7}
    (tmp_path / "verified").write_text(json.dumps(row))
    monkeypatch.setattr(promises, "PAGE", tmp_path / "page.md")
    options = ("--otherwise", str(tmp_path / "short"), "--verified", str(tmp_path / "verified"))
    promises.main([str(tmp_path / "long"), *options])
    text = promises.PAGE.read_text()
    assert "; all kept that were tried; **broke off, and saw nothing: test_all (call)**." in text
    assert "| 0 hung |" in text
    assert "| 3 bombs |" in text


def test_page_names_no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the name of the machine nor a folder stands on the page."""
    monkeypatch.setattr("platform.node", lambda: "somebodys-host")
    monkeypatch.setattr("platform.release", lambda: "6.1.0-somebodys-kernel")
    text = promises.render([Seen("forks", "0 hung", kept=True, seed=1)], None)
    assert "somebodys" not in text
    assert str(ROOT) not in text
    assert promises.NO_PEERS in text
