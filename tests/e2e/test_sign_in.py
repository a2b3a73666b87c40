"""Signing in on the page: the first account, names and passwords, keys, and where one gets to afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.accounts import NAME, PASSWORD, add_user, ask, set_up
from tests.support.shop import deliver, line_segment

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit
    from tests.support.browser import LogsPage

pytestmark = pytest.mark.browser

REDIRECTS = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:document.title='owned'",
    "data:text/html,owned",
    "evil.example",
    "@evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/%2e//evil.example",
    "/x/..//evil.example",
    "/x\\..\\\\evil.example",
    "/sign-in?to=//evil.example",
    "",
]
OWN = ["/account", "/?since=1h&q=level%3Aerror", "/docs#/logs", "/?q=%2F%2Fevil.example"]
OWN_PATH = """async ([text, origin]) => {
  const main = document.querySelector("script[type=module]").src;
  return (await import(main.replace(/[^/]*$/, "session.js"))).ownPath(text, origin);
}"""
NAMELESS = """() => [...document.querySelectorAll("input, select, button, a")]
  .filter((node) => !(node.labels?.length || node.getAttribute("aria-label") || node.textContent.trim()))
  .map((node) => node.outerHTML)"""


def alert(page: LogsPage, text: str) -> Locator:
    """What is read out at once, and holds a text."""
    return page.page.get_by_role("alert").filter(has_text=text)


def give(page: LogsPage, name: str = NAME, password: str = PASSWORD) -> None:
    """Type name and password, and press Enter."""
    page.page.get_by_label("Name").fill(name)
    page.page.get_by_label("Password", exact=True).fill(password)
    page.page.keyboard.press("Enter")


def test_the_first_account_takes_the_code(visit: Visit, collector: CollectorProcess) -> None:
    """A wrong code makes no account; the printed one does, and its owner is let in and administers."""
    deliver(collector.url, line_segment("the first"))
    page = visit(collector.url)
    page.open()
    page.page.click("#account")
    expect(page.page.locator("#account-menu")).to_contain_text("Everybody on this machine")
    page.page.get_by_text("Set up an account").click()
    expect(page.page.get_by_text("Go on without an account")).to_be_visible()
    page.page.get_by_label("One-time code").fill("AAAA-BBBB-CCCC")
    give(page)
    expect(alert(page, "The code is not right")).to_be_visible()
    assert not collector.get("/api/v1/me")["accounts"]
    page.page.get_by_label("One-time code").fill(collector.code.lower().replace("-", " "))
    page.page.keyboard.press("Enter")
    expect(page.row("the first")).to_be_visible()
    page.page.click("#account")
    expect(page.page.locator("#account-menu")).to_contain_text("adaadministrator")
    assert collector.get("/api/v1/me")["kind"] == "nobody"


def test_what_cannot_be_right_is_not_sent(visit: Visit, collector: CollectorProcess) -> None:
    """A short password and a name with spaces are refused at their fields, which have the focus then."""
    page = visit(collector.url)
    page.open("/sign-in")
    page.page.get_by_label("One-time code").fill("AAAA-BBBB-CCCC")
    give(page, "ada lovelace", "short")
    expect(alert(page, "without spaces")).to_be_visible()
    expect(alert(page, "10 characters or more")).to_be_visible()
    expect(page.page.get_by_label("Name")).to_be_focused()
    expect(page.page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")


def test_the_page_leads_there_and_back(visit: Visit, collector: CollectorProcess) -> None:
    """Who is not signed in comes to the form, is told what is wrong, and comes back to what he asked for."""
    deliver(collector.url, line_segment("something else"))
    deliver(collector.url, line_segment("it broke", level="error"))
    set_up(collector)
    page = visit(collector.url)
    page.open(q="level:error", since="1h")
    expect(page.page).to_have_url(re.compile(r"/sign-in\?to=%2F%3Fq%3Dlevel"))
    expect(page.rows).to_have_count(0)
    give(page, password="correct horse batter")
    expect(alert(page, "The name or the password is not right.")).to_be_visible()
    give(page, "ADA")
    expect(page.row("it broke")).to_be_visible()
    expect(page.rows).to_have_count(1)
    expect(page.page).to_have_url(re.compile(r"/\?.*q=level"))


def test_the_keyboard_is_enough(visit: Visit, collector: CollectorProcess) -> None:
    """The first field has the focus; a password can be shown and hidden; every control has a name."""
    set_up(collector)
    page = visit(collector.url)
    page.open("/sign-in")
    keyboard, password = page.page.keyboard, page.page.get_by_label("Password", exact=True)
    expect(page.page.get_by_label("Name")).to_be_focused()
    assert page.page.evaluate(NAMELESS) == []
    keyboard.type(NAME)
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Tab")
    keyboard.press("Space")
    expect(password).to_have_attribute("type", "text")
    expect(password).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(password).to_have_attribute("type", "password")
    assert password.get_attribute("autocomplete") == "current-password"
    assert page.page.get_by_label("Name").get_attribute("autocomplete") == "username"
    keyboard.press("Enter")
    expect(page.page.locator("#notice")).to_contain_text("Nothing logged yet")


def test_guessing_has_to_wait(visit: Visit, collector: CollectorProcess) -> None:
    """After too many attempts the button counts the seconds down; then the right password is good again."""
    set_up(collector)
    page = visit(collector.url)
    page.open("/sign-in")
    button = page.page.locator("button[type=submit]")
    for _ in range(12):  # each attempt that fails makes the wait longer, at last longer than typing takes
        give(page, password="not the right one")
        page.page.wait_for_selector(".form-alert:not(:empty)")
        if alert(page, "Too many attempts").is_visible():
            break
    expect(alert(page, "Too many attempts")).to_be_visible()
    expect(button).to_have_text(re.compile(r"Try again in \d+ s"))
    expect(button).to_have_text("Sign in")
    expect(alert(page, "You can try again now; the attempt before was not looked at.")).to_be_visible()
    expect(alert(page, "Too many attempts")).to_have_count(0)
    expect(page.page.get_by_label("Name")).to_have_value(NAME)
    give(page)
    expect(page.page.locator("#notice")).to_contain_text("Nothing logged yet")


def test_a_collector_that_is_away_is_told(visit: Visit, collector: CollectorProcess) -> None:
    """Where no answer comes, the form stays as it is and says so."""
    set_up(collector)
    page = visit(collector.url)
    page.open("/sign-in")
    expect(page.page.get_by_label("Name")).to_be_focused()
    collector.kill()
    give(page)
    expect(alert(page, "does not answer")).to_be_visible()
    expect(page.page.get_by_label("Name")).to_have_value(NAME)
    collector.start()
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#notice")).to_contain_text("Nothing logged yet")


def test_no_address_leads_elsewhere(visit: Visit, collector: CollectorProcess) -> None:
    """Whatever `to` says, one gets to a page of this collector; what is no path of ours is the front page."""
    set_up(collector)
    page = visit(collector.url)
    page.open("/sign-in", to="/\t/evil.example")
    give(page)
    expect(page.page).to_have_url(re.compile(rf"^{collector.url}/(\?|$)"))
    for text in REDIRECTS:
        page.open("/sign-in", to=text)
        go_on = page.page.get_by_role("link", name="Go on")
        assert go_on.get_attribute("href") == "/", text
    for text in OWN:
        page.open("/sign-in", to=text)
        assert page.page.get_by_role("link", name="Go on").get_attribute("href") == text
        assert page.page.evaluate(OWN_PATH, [text, collector.url]) == text
    assert page.page.evaluate(OWN_PATH, [None, collector.url]) == "/"


def test_the_session_is_out_of_reach_of_scripts(visit: Visit, collector: CollectorProcess) -> None:
    """The cookie is HttpOnly and SameSite=Strict; a script of the page finds nothing of it anywhere."""
    set_up(collector)
    page = visit(collector.url)
    page.open("/sign-in")
    give(page)
    expect(page.page.locator("#notice")).to_contain_text("Nothing logged yet")
    (cookie,) = page.page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert page.page.evaluate("document.cookie") == ""
    kept = page.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert cookie["value"] not in kept
    assert PASSWORD not in kept


def test_signing_out(visit: Visit, collector: CollectorProcess) -> None:
    """The menu signs out: the session ends, a key of the tab is forgotten, and Back shows nothing."""
    deliver(collector.url, line_segment("not for everybody"))
    set_up(collector)
    page = visit(collector.url)
    page.open("/sign-in")
    expect(page.page.get_by_label("Name")).to_be_focused()
    give(page)
    expect(page.row("not for everybody")).to_be_visible()
    page.page.click("#account")
    page.page.get_by_role("link", name="Account").click()
    expect(page.page.get_by_role("heading", name="Where you are signed in")).to_be_visible()
    (cookie,) = page.page.context.cookies()
    page.page.evaluate("sessionStorage.setItem('pylogtap.key', 'of before')")
    page.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.page.context.cookies() == []
    assert page.page.evaluate("sessionStorage.getItem('pylogtap.key')") is None
    shown = f"{cookie['name']}={cookie['value']}"
    assert ask(collector, "GET", "/logs", cookie=shown).status == 401
    page.page.go_back()
    expect(page.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.rows).to_have_count(0)


def test_a_key_that_ended_is_forgotten(visit: Visit, collector: CollectorProcess) -> None:
    """A tab with a key that is not good any more asks anew, and does not run in circles."""
    set_up(collector)
    page = visit(collector.url)
    page.open("/sign-in")
    page.page.evaluate("sessionStorage.setItem('pylogtap.key', 'plt_that_was_revoked')")
    page.open()
    expect(alert(page, "not a good one any more")).to_be_visible()
    give(page)
    expect(page.page.locator("#notice")).to_contain_text("Nothing logged yet")


def test_who_may_see_nothing_is_told(visit: Visit, collector: CollectorProcess) -> None:
    """A user without any project is signed in; the page says what he lacks, and how to be somebody else."""
    add_user(collector, set_up(collector), "eve")
    page = visit(collector.url)
    page.open("/sign-in")
    give(page, "eve")
    expect(page.page.locator("#notice")).to_contain_text("This needs the right to read")
    expect(page.page).to_have_url(re.compile(rf"^{collector.url}/(\?|$)"))
    page.page.get_by_role("button", name="Sign in as somebody else").click()
    expect(page.page.get_by_role("heading", name="Sign in")).to_be_visible()
    give(page)
    expect(page.page.locator("#notice")).to_contain_text("Nothing logged yet")


def test_a_key_that_only_delivers_is_no_dead_end(visit: Visit, collector: CollectorProcess) -> None:
    """With a key that may not read, the page says so, and lets one forget it."""
    cookie = set_up(collector)
    made = ask(collector, "POST", "/keys", {"name": "web", "project": "shop"}, cookie=cookie)
    page = visit(collector.url)
    for way in ("Forget the key", "Sign in as somebody else"):
        page.open("/sign-in")
        page.page.get_by_text("Use a key instead").click()
        page.page.get_by_label("Key", exact=True).fill(made.json["secret"])
        page.page.keyboard.press("Enter")
        expect(alert(page, "This needs the right to read")).to_be_visible()
        page.page.get_by_role("button", name=way).click()
        expect(page.page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.page.evaluate("sessionStorage.getItem('pylogtap.key')") is None


def test_the_api_tells_who_is_not_signed_in(visit: Visit, collector: CollectorProcess) -> None:
    """The API's page leads to sign in and back; it says nothing to others."""
    page = visit(collector.url)
    page.open("/docs")
    note = page.page.locator("#signed-out")
    page.page.wait_for_selector("#operations-logs-list_logs")
    expect(note).to_be_hidden()
    set_up(collector)
    page.page.reload()
    expect(note).to_contain_text("You are not signed in")
    note.get_by_role("link", name="sign in").click()
    give(page)
    page.page.wait_for_url("**/docs")
    page.page.wait_for_selector("#operations-logs-list_logs")
    expect(note).to_be_hidden()
