"""Escape sequences and characters that hide or turn text: the page shows them, and none acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.security.checking import hostile_segment
from tests.security.corpus import ANSI, MARK
from tests.support.shop import deliver, line_segment

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit
    from tests.support.browser import LogsPage

pytestmark = pytest.mark.browser

# Tag characters are not among them: they belong to flags, and neither hide nor move what stands beside them.
ACTING = r"""() => {
  const control = "\0-\x08\x0b-\x1f\x7f-\x9f", turning = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069";
  const acting = new RegExp(`[${control}${turning}\xad\u200b\u200c\u2028\u2029\ufeff]`);
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    if (acting.test(text.data)) found.add(`${text.parentElement.className} ${escape(text.data)}`);
  }
  for (const each of document.querySelectorAll("[title], [aria-label]"))
    for (const name of ["title", "aria-label"])
      if (acting.test(each.getAttribute(name) ?? ""))
        found.add(`${name} of ${each.className} ${escape(each.getAttribute(name).slice(0, 80))}`);
  return [...found];
}"""


@pytest.fixture(scope="module")
def hostile(collector: CollectorProcess) -> CollectorProcess:
    """The collector of this module, with a record for each payload."""
    deliver(collector.url, hostile_segment(ANSI.values()))
    return collector


def opened(visit: Visit, url: str, query: str) -> LogsPage:
    """Open the page on a query."""
    logs = visit(url, height=1400)
    logs.open(q=query)
    return logs


def test_the_list_and_each_record(visit: Visit, hostile: CollectorProcess) -> None:
    """In rows, and in a record with all of its parts, nothing stands that hides, turns or moves text."""
    logs = opened(visit, hostile.url, MARK)
    expect(logs.page.locator("#count-records")).to_have_text(str(len(ANSI)))
    title = logs.page.title()
    assert logs.page.evaluate(ACTING) == []
    logs.rows.last.click()
    for number, name in reversed(list(enumerate(ANSI, 1))):
        expect(logs.detail.locator(".detail-message")).to_contain_text(f"{MARK} {number} ")
        assert logs.page.evaluate(ACTING) == [], name
        logs.page.keyboard.press("k")
    assert logs.page.title() == title


def test_patterns_and_completions(visit: Visit, hostile: CollectorProcess) -> None:
    """Patterns, values of fields and completions show such characters, too."""
    logs = opened(visit, hostile.url, MARK)
    logs.page.click("#tab-patterns")
    expect(logs.page.locator("#patterns-panel")).to_contain_text(MARK)
    assert logs.page.evaluate(ACTING) == []
    for typed in ("logger:", "value:", "level:", "name"):
        logs.page.fill("#query", "")
        logs.page.click("#query")
        logs.page.keyboard.type(typed)
        logs.page.wait_for_timeout(300)
        assert logs.page.evaluate(ACTING) == [], typed


RUNS = {
    "csi": "\x1b[" * 50_000,
    "osc": "\x1b]" * 50_000,
    "parameters": "\x1b[" + "1;" * 49_000,
    "c1": "\x9b" * 100_000,
    "overrides": "\u202e" * 33_000,
}
FURTHER = {
    "dcs": "\x1bP" * 50_000,
    "colours": "\x1b[38;2;" * 14_000,
    "numbers": ("\x1b[" + "9" * 50) * 1_900,
    "links": "\x1b]8;;" * 20_000,
    "escapes": "\x1b" * 100_000,
    "weights": "\x1b[1m" * 25_000,
    "returns": "\r" * 100_000,
}


@pytest.mark.parametrize("name", [*RUNS, *(pytest.param(name, marks=pytest.mark.slow) for name in FURTHER)])
def test_long_runs_of_sequences(visit: Visit, collector: CollectorProcess, name: str) -> None:
    """100 kB of sequences that never end are listed and unfolded, and the page answers on."""
    text = (RUNS | FURTHER)[name]
    deliver(collector.url, line_segment(f"odd {text}", "after", prefix=f"shop/long/{name}"))
    logs = opened(visit, collector.url, f"instance:{name}")
    logs.row("odd").click()
    expect(logs.detail.locator(".detail-message")).to_contain_text("odd")
    assert logs.page.evaluate(ACTING) == []
    assert logs.page.evaluate("6 * 7") == 42
