"""The live tail on the page, over restarts of the collector; the key; and the API's page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from pylogtap_collector.proofs.daemon import CollectorProcess
from tests.support.shop import deliver, line_segment, shop_segments

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Visit

pytestmark = pytest.mark.browser
KEY = "correct horse battery"


def test_new_records_appear_by_themselves(visit: Visit, collector: CollectorProcess) -> None:
    """What arrives is shown without a reload, filtered like the rest; switched off, it is not."""
    deliver(collector.url, line_segment("the first"))
    logs = visit(collector.url)
    logs.open(q="service:tools")
    expect(logs.page.locator("#live")).to_have_attribute("data-state", "on")
    deliver(collector.url, line_segment("the second"))
    deliver(collector.url, line_segment("of another service", prefix="shop/other/o-1"))
    expect(logs.row("the second")).to_be_visible()
    logs.page.keyboard.press("l")
    expect(logs.page.locator("#live")).to_have_attribute("data-state", "off")
    deliver(collector.url, line_segment("the third"))
    logs.page.keyboard.press("l")
    expect(logs.row("the third")).to_be_visible()
    expect(logs.rows).to_have_count(3)
    expect(logs.page.locator("#count-records")).to_have_text("3")


def test_a_restart_loses_and_repeats_nothing(visit: Visit, collector: CollectorProcess) -> None:
    """The collector is killed and comes back; the page says so, and then has every record once."""
    deliver(collector.url, line_segment(*(f"line {number}" for number in range(5))))
    logs = visit(collector.url)
    logs.open()
    expect(logs.rows).to_have_count(5)
    collector.kill()
    expect(logs.page.locator("#banner")).to_contain_text("does not answer")
    collector.start()
    deliver(collector.url, line_segment("while it was away"))
    expect(logs.row("while it was away")).to_be_visible()
    expect(logs.page.locator("#banner")).to_be_hidden()
    deliver(collector.url, line_segment("and after"))
    expect(logs.row("and after")).to_be_visible()
    expect(logs.rows).to_have_count(7)


def test_a_mistake_does_not_end_the_tail(visit: Visit, collector: CollectorProcess) -> None:
    """While the query cannot be read, what was found before is still followed."""
    deliver(collector.url, line_segment("the first"))
    logs = visit(collector.url)
    logs.open(q="service:tools")
    expect(logs.page.locator("#live")).to_have_attribute("data-state", "on")
    logs.search("service:tools (")
    expect(logs.page.locator("#mistake")).to_be_visible()
    deliver(collector.url, line_segment("of another service", prefix="shop/other/o-1"))
    deliver(collector.url, line_segment("the second"))
    expect(logs.row("the second")).to_be_visible()
    expect(logs.rows).to_have_count(2)
    expect(logs.page.locator("#count-records")).to_have_text("2")


def test_reading_is_not_disturbed(visit: Visit, collector: CollectorProcess) -> None:
    """Scrolled up, the lines in view stay where they are; a button counts and leads to what is new."""
    for segment in shop_segments():
        deliver(collector.url, segment)
    logs = visit(collector.url)
    logs.open()
    expect(logs.row("order 1119 was slow")).to_be_visible()
    logs.page.locator("#records").hover()
    logs.page.mouse.wheel(0, -2500)
    expect(logs.page.locator("#live-text")).to_have_text("Paused")
    first = logs.rows.nth(15).inner_text()
    deliver(collector.url, line_segment("new one", "new two"))
    expect(logs.page.locator("#newer")).to_contain_text("2 new records")
    assert first in logs.rows.all_inner_texts()
    logs.page.click("#newer")
    expect(logs.row("new two")).to_be_visible()


def test_many_records_need_few_elements(visit: Visit, collector: CollectorProcess) -> None:
    """Of thousands of records only the rows in view exist; the oldest are reached by scrolling."""
    deliver(collector.url, line_segment(*(f"line {number}" for number in range(3000))))
    logs = visit(collector.url)
    logs.open()
    expect(logs.row("line 2999")).to_be_visible()
    for _ in range(40):
        logs.page.evaluate("document.getElementById('records').scrollTop = 0")
        logs.page.wait_for_timeout(100)
        if logs.rows.filter(has_text="line 0").first.is_visible():
            break
    expect(logs.rows.first).to_contain_text("line 0")
    assert logs.rows.count() < 120


def test_a_key_is_asked_for(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key, nothing is shown before the right one is given; it is kept for this tab alone."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_KEY", KEY)
    collector = CollectorProcess(tmp_path / "data", tmp_path / "log")
    collector.start()
    try:
        deliver(collector.url, line_segment("secret enough"), KEY)
        logs = visit(collector.url)
        logs.open()
        expect(logs.page).to_have_url(re.compile("/sign-in"))
        expect(logs.rows).to_have_count(0)
        logs.page.get_by_text("Use a key instead").click()
        field = logs.page.get_by_label("Key", exact=True)
        field.fill("wrong one here")
        logs.page.keyboard.press("Enter")
        expect(logs.page.get_by_role("alert").filter(has_text="not a good one")).to_be_visible()
        field.fill(KEY)
        logs.page.keyboard.press("Enter")
        expect(logs.row("secret enough")).to_be_visible()
        expect(logs.page.locator("#live")).to_have_attribute("data-state", "on")
        logs.page.reload()
        expect(logs.row("secret enough")).to_be_visible()
        assert logs.page.evaluate("localStorage.getItem('pylogtap.key')") is None
    finally:
        collector.kill()


def test_the_api_can_be_tried(visit: Visit, shop: CollectorProcess) -> None:
    """The API's page is made of our files alone, and its operations work there once they are asked for."""
    logs = visit(shop.url)
    logs.open("/docs")
    operation = logs.page.locator("#operations-logs-list_logs")
    operation.locator("button").first.click()
    expect(operation.get_by_text("Execute", exact=True)).to_have_count(0)
    operation.get_by_text("Try it out").click()
    operation.get_by_placeholder("q", exact=True).fill("has:exception")
    operation.get_by_text("Execute", exact=True).click()
    expect(operation.locator(".live-responses-table")).to_contain_text("GatewayTimeout")
