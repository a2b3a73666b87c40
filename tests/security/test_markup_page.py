"""Markup, scripts and templates on our pages: whatever they show of it is text."""

from __future__ import annotations

import csv
import io
import json
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import expect

from tests.security.checking import hostile_segment
from tests.security.corpus import FORMULAS, MARK, PWN, XSS
from tests.support.shop import deliver

if TYPE_CHECKING:
    from playwright.sync_api import Dialog

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit
    from tests.support.browser import LogsPage

pytestmark = pytest.mark.browser

ACTIVE = """() => {
  const kinds = "iframe, object, embed, base, video, audio, marquee, details, template, math, animate,"
    + " source, meta[http-equiv], style, form:not([id]):not([class]), img:not([src^='/static/']),"
    + " script:not([src^='/static/']), link:not([href^='/static/'])";
  const foreign = new RegExp(`^\\s*(javascript|data):|^\\s*(https?:)?[\\\\/]{2}(?!${location.host})`, "i");
  const found = [...document.querySelectorAll(kinds)].map((each) => each.outerHTML.slice(0, 200));
  for (const each of document.querySelectorAll("*"))
    for (const { name, value } of each.attributes)
      if (/^on|^srcdoc$/i.test(name)
          || (/^(href|src|action|data|formaction)$/.test(name) && foreign.test(value)))
        found.push(`${each.tagName} ${name}=${value}`);
  return { found, ran: window.__pwned === undefined ? "nothing" : "a script" };
}"""


@pytest.fixture(scope="module")
def hostile(collector: CollectorProcess) -> CollectorProcess:
    """A collector with a record for each payload, some of which have labels and notes of several payloads."""
    deliver(collector.url, hostile_segment(XSS.values()))
    for log, text in zip(collector.logs(f"{MARK} service:hostile"), several(8), strict=False):
        document = {"note": text, "labels": {"x": text[:1000]}}
        request = urllib.request.Request(
            f"{collector.url}/api/v1/logs/{log['id']}",
            method="PATCH",
            data=json.dumps(document).encode(),
            headers={"Content-Type": "application/merge-patch+json"},
        )
        urllib.request.urlopen(request, timeout=30).close()
    return collector


def opened(visit: Visit, url: str, path: str = "/", **view: Any) -> LogsPage:
    """Open a page that has to stay without dialogs."""
    logs = visit(url, height=1400)

    def refuse(dialog: Dialog) -> None:
        logs.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    logs.page.on("dialog", refuse)
    logs.open(path, **view)
    return logs


def check_inert(logs: LogsPage) -> None:
    """Check that nothing of a payload has become an element or has run."""
    assert logs.page.evaluate(ACTIVE) == {"found": [], "ran": "nothing"}


def test_the_check_sees_what_it_looks_for(visit: Visit, hostile: CollectorProcess) -> None:
    """The check of this module finds an element and a script, where there is one."""
    logs = opened(visit, hostile.url)
    logs.page.evaluate("() => document.body.append(document.createElement('iframe'))")
    logs.page.evaluate(f"() => {{ {PWN} }}")
    seen = logs.page.evaluate(ACTIVE)
    assert len(seen["found"]) == 1
    assert seen["ran"] == "a script"


def test_the_list_and_each_record(visit: Visit, hostile: CollectorProcess) -> None:
    """Each payload is a row, and unfolded with all of its parts, as the text that it is."""
    logs = opened(visit, hostile.url, q=f"{MARK} service:hostile")
    expect(logs.page.locator("#count-records")).to_have_text(str(len(XSS)))
    check_inert(logs)
    logs.rows.last.click()
    for number, (name, payload) in reversed(list(enumerate(XSS.items(), 1))):
        expect(logs.detail.locator(".detail-message")).to_contain_text(f"{MARK} {number} ")
        if payload.isprintable():
            shown = logs.detail.locator(".detail-message, .stack").all_inner_texts()
            assert len([text for text in shown if payload in text]) == 2, name
        logs.page.keyboard.press("k")
    check_inert(logs)


def test_patterns_facets_and_the_histogram(visit: Visit, hostile: CollectorProcess) -> None:
    """Patterns, values of fields, and what the pointer shows over the histogram, are text."""
    logs = opened(visit, hostile.url, q=f"{MARK} service:hostile")
    expect(logs.page.locator("#facets")).to_contain_text("onerror")
    box = logs.page.locator("#histogram .u-over").bounding_box()
    assert box is not None
    for part in range(1, 20):
        logs.page.mouse.move(box["x"] + box["width"] * part / 20, box["y"] + box["height"] / 2)
    check_inert(logs)
    logs.page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    check_inert(logs)
    logs.page.click("#tab-patterns")
    expect(logs.page.locator("#patterns-panel")).to_contain_text(MARK)
    check_inert(logs)


def test_what_completes_itself(visit: Visit, hostile: CollectorProcess) -> None:
    """Names and values that complete a query are offered and taken as text."""
    logs = opened(visit, hostile.url)
    for typed in ("name", "logger:", "value:", 'logger:"<', "level:", "<", "{{"):
        logs.page.fill("#query", "")
        logs.page.click("#query")
        logs.page.keyboard.type(typed)
        logs.page.wait_for_timeout(300)
        check_inert(logs)
        logs.page.keyboard.press("Tab")
        check_inert(logs)


def test_payloads_in_the_address(visit: Visit, hostile: CollectorProcess) -> None:
    """As a query, a range or a fragment of a link, payloads are text, and a mistake repeats them as text."""
    logs = opened(visit, hostile.url)
    for text in (*several(8), f"({XSS['img-onerror']}"):
        view = urlencode({"q": text, "since": "1h", "log": text, "tab": text, "zone": text})
        logs.page.goto(f"{hostile.url}/?{view}#{quote(text)}")
        logs.page.wait_for_selector("#records .row, #notice:not([hidden]), #mistake:not([hidden])")
        assert logs.page.locator("#query").input_value() == text
        check_inert(logs)
    logs.open(since=XSS["img-onerror"], until=XSS["script"])
    check_inert(logs)


@pytest.mark.parametrize("path", ["/sign-in", "/account"])
def test_pages_for_people(visit: Visit, hostile: CollectorProcess, path: str) -> None:
    """The pages to sign in and of one's account take nothing from their address as markup or as a target."""
    logs = opened(visit, hostile.url, path)
    targets = [
        f"javascript:{PWN}",
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example/",
        "\t//evil.example",
    ]
    for text in (*several(16), *targets):
        view = urlencode({"to": text, "next": text, "error": text, "code": text, "name": text})
        logs.page.goto(f"{hostile.url}{path}?{view}#{quote(text)}")
        logs.page.wait_for_selector("h1")
        check_inert(logs)
        assert logs.page.url.startswith(f"{hostile.url}/")


def several(size: int) -> list[str]:
    """Return texts of several payloads each, without what an address or an input cannot hold."""
    payloads = ["".join(each for each in payload if each not in "\0\r\n") for payload in XSS.values()]
    return [" ".join(payloads[first : first + size]) for first in range(0, len(payloads), size)]


def test_the_saved_files(visit: Visit, hostile: CollectorProcess) -> None:
    """A file that the page saves has a name of ours; the CSV has no cell that a spreadsheet would execute."""
    deliver(hostile.url, hostile_segment(FORMULAS.values(), "shop/table/t-1"))
    logs = opened(visit, hostile.url, q="service:table")
    saved = {}
    for name in ("JSON lines", "CSV"):
        logs.page.click("#download")
        with logs.page.expect_download() as download:
            logs.page.get_by_role("menuitem", name=name).click()
        saved[download.value.suggested_filename] = download.value.path().read_bytes().decode()
    assert set(saved) == {"pylogtap.jsonl", "pylogtap.csv"}
    lines = [json.loads(line) for line in saved["pylogtap.jsonl"].splitlines()]
    assert {log["logger"] for log in lines} == set(FORMULAS.values())
    rows = list(csv.reader(io.StringIO(saved["pylogtap.csv"], newline="")))
    assert len(rows) > len(FORMULAS)
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
