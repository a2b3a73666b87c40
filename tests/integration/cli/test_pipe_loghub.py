"""`pylogtap pipe` and 24,000 real lines of twelve systems: every one is counted, and found by its words."""

from __future__ import annotations

import random
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.loghub import HOW_TO_GET, find_folder, read_samples

if TYPE_CHECKING:
    from tests.integration.cli.conftest import Shell

FOLDER = find_folder()
SEARCHED = 600
_WORDS = 6  # of the end of a message make the phrase that is searched
_EVER = "1990-01-01T00:00:00Z"  # the lines say when they were written, some of them 20 years ago


@pytest.mark.skipif(FOLDER is None, reason=HOW_TO_GET)
@pytest.mark.timeout(300)
def test_real_lines_are_counted_and_found(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Every one of the real lines is kept and counted exactly; a phrase of a message finds the line."""
    assert FOLDER is not None
    samples = read_samples(FOLDER)
    lines = [f"[{shell.project}/{each.system}/one] {line}\n" for each in samples for line in each.lines]
    began = time.perf_counter()
    ended = shell.run("pipe", "--quiet", given="".join(lines).encode())
    took_s = time.perf_counter() - began
    with capsys.disabled():
        pace = len(lines) / took_s
        sys.stdout.write(f"\n{len(lines):,} real lines kept and delivered in {took_s:.2f} s: {pace:,.0f}/s\n")
    assert (ended.returncode, f"{len(lines):,} records delivered" in ended.stderr.decode()) == (0, True)
    counts = {each.system: counted(shell, f"service:{each.system}") for each in samples}
    assert counts == {each.system: len(each.lines) for each in samples}
    assert sum(counts.values()) == 24_000
    messages = [(each.system, message) for each in samples for message in each.messages]
    sampled = random.Random(7).sample([each for each in messages if phrase_of(each[1])], SEARCHED)
    assert [each for each in sampled if not finds(shell, *each)] == []


def phrase_of(message: str) -> str:
    """Return the last words of a message."""
    return " ".join(re.findall(r"\w+", message)[-_WORDS:])


def finds(shell: Shell, system: str, message: str) -> bool:
    """Tell whether the last words of a message find a record that ends with it."""
    query = f'service:{system} "{phrase_of(message)}"'
    found = asked(shell, "/api/v1/logs", query, limit=500)["items"]
    return any(log["message"].rstrip().endswith(message.rstrip()[-40:]) for log in found)


def counted(shell: Shell, query: str) -> int:
    """Return how many records match, whenever they were logged."""
    return int(asked(shell, "/api/v1/logs/histogram", query, buckets=1)["total"])


def asked(shell: Shell, path: str, query: str, **more: int) -> Any:
    """Ask for this test's records."""
    return shell.collector.get(path, q=f"project:{shell.project} {query}", since=_EVER, **more)
