"""The page of an account: password, sessions, keys; and pages of other origins, which can use none of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.accounts import NAME, PASSWORD, add_user, ask, set_up
from tests.support.shop import deliver, line_segment
from tests.support.strangers import foreign_page

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.e2e.conftest import Visit
    from tests.support.browser import LogsPage

pytestmark = pytest.mark.browser

MARKUP = "<img src=x onerror=\"document.title='owned'\">"
NEW = "another horse battery"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
EDGE = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"
AGENTS = [
    (IPHONE, "Safari on iPhone"),
    (WINDOWS, "Firefox on Windows"),
    (EDGE, "Edge on macOS"),
    ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/126.0 Safari/537.36", "Chrome on Linux"),
    ("curl/8.5.0", "curl"),
    ("", "A program that does not say its name"),
    ("backup-job 3", "backup-job 3"),
    ("x" * 200, "x" * 80 + "…"),
]
PROGRAM_OF = """async (agent) => {
  const main = document.querySelector("script[type=module]").src;
  return (await import(main.replace(/[^/]*$/, "agents.js"))).programOf(agent);
}"""
NAMELESS = """() => [...document.querySelectorAll("input, select, button, a")]
  .filter((node) => !(node.labels?.length || node.getAttribute("aria-label") || node.textContent.trim()))
  .map((node) => node.outerHTML)"""


def signed_in(page: LogsPage, name: str = NAME, password: str = PASSWORD, to: str = "/account") -> LogsPage:
    """Sign in on a page, and wait for where that leads."""
    page.open("/sign-in", to=to)
    page.sign_in(name, password)
    if to == "/account":
        page.page.wait_for_selector("#page h1")
    return page


def session_of(page: LogsPage) -> str:
    """Return the cookie of a page, as it is sent."""
    (cookie,) = page.page.context.cookies()
    return f"{cookie['name']}={cookie['value']}"


def entry(page: LogsPage, text: str) -> Locator:
    """The session or key that holds a text."""
    return page.page.locator(".entry").filter(has_text=text)


def button(page: LogsPage, name: str) -> Locator:
    """A button by its whole name."""
    return page.page.get_by_role("button", name=name, exact=True)


def make_key(page: LogsPage, name: str, **choices: str) -> str:
    """Make a key by the dialog, and return its secret."""
    button(page, "New key").click()
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(name)
    for label, value in choices.items():
        dialog.get_by_label(label.replace("_", " "), exact=True).select_option(value)
    button(page, "Make the key").click()
    secret = page.page.get_by_label("The key", exact=True).inner_text()
    expect(dialog).to_contain_text("it is not shown again")
    return secret


def test_nobody_is_led_to_sign_in(visit: Visit, collector: CollectorProcess) -> None:
    """The page shows nothing before one has signed in, and comes back then; without accounts it says so."""
    page = visit(collector.url)
    page.open("/account")
    expect(page.page.locator("#page")).to_contain_text("everybody on this machine may do everything")
    set_up(collector)
    page.open("/account")
    expect(page.page).to_have_url(f"{collector.url}/sign-in?to=%2Faccount")
    signed_in(page)
    expect(page.page.locator(".who")).to_have_text("adaadministrator")
    expect(entry(page, "this one")).to_have_count(1)
    assert page.page.evaluate(NAMELESS) == []


def test_a_member_sees_his_roles(visit: Visit, collector: CollectorProcess) -> None:
    """Roles are listed by project; who manages none has no keys to see; who manages one, its keys alone."""
    cookie = set_up(collector)
    add_user(collector, cookie, "vera", shop="viewer", bank="editor")
    add_user(collector, cookie, "max", shop="admin")
    ask(collector, "POST", "/keys", {"name": "of the bank", "project": "bank"}, cookie=cookie)
    vera = signed_in(visit(collector.url), "vera")
    expect(vera.page.locator(".facts")).to_have_text("bankeditorshopviewer")
    expect(button(vera, "New key")).to_have_count(0)
    chief = signed_in(visit(collector.url), "max")
    make_key(chief, "of the shop")
    button(chief, "Done").click()
    expect(entry(chief, "of the shop")).to_contain_text("ingestshop")
    expect(entry(chief, "of the bank")).to_have_count(0)
    button(chief, "New key").click()
    choices = chief.page.get_by_role("dialog").get_by_label("Project").locator("option")
    expect(choices).to_have_text(["shop"])


def test_a_new_password_ends_other_sessions(visit: Visit, collector: CollectorProcess) -> None:
    """It takes the current one; then one is signed out elsewhere, and the old one is good no more."""
    set_up(collector)
    elsewhere = signed_in(visit(collector.url, agent=IPHONE))
    page = signed_in(visit(collector.url))
    current = page.page.get_by_label("Current password", exact=True)
    current.fill("not the right one")
    page.page.get_by_label("New password", exact=True).fill(NEW)
    button(page, "Change the password").click()
    expect(page.page.get_by_text("This is not the current password.")).to_be_visible()
    expect(current).to_be_focused()
    assert current.get_attribute("autocomplete") == "current-password"
    current.fill(PASSWORD)
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_text("Changed. 2 other sessions ended")).to_be_visible()
    expect(entry(page, "iPhone")).to_have_count(0)
    expect(current).to_have_value("")
    elsewhere.page.reload()
    expect(elsewhere.page).to_have_url(re.compile("/sign-in"))
    wrong = ask(collector, "POST", "/sessions", {"name": NAME, "password": PASSWORD})
    assert wrong.status == 401
    signed_in(elsewhere, password=NEW)


def test_one_session_is_ended(visit: Visit, collector: CollectorProcess) -> None:
    """Sessions are told apart by program in plain words; one that is ended has to sign in again."""
    set_up(collector)
    phone = signed_in(visit(collector.url, agent=IPHONE))
    page = signed_in(visit(collector.url, agent=WINDOWS))
    expect(entry(page, "Firefox on Windows")).to_contain_text("this one")
    expect(entry(page, "Safari on iPhone")).to_contain_text("from 127.0.0.1")
    button(page, "End: Safari on iPhone").click()
    expect(entry(page, "Safari on iPhone")).to_have_count(0)
    phone.page.reload()
    expect(phone.page).to_have_url(re.compile("/sign-in"))


def test_signing_out_everywhere(visit: Visit, collector: CollectorProcess) -> None:
    """After a question all sessions end; a page that follows the logs elsewhere is led to sign in."""
    deliver(collector.url, line_segment("the first"))
    set_up(collector)
    elsewhere = signed_in(visit(collector.url), to="/?since=1h")
    expect(elsewhere.row("the first")).to_be_visible()
    expect(elsewhere.page.locator("#live")).to_have_attribute("data-state", "on")
    page = signed_in(visit(collector.url))
    button(page, "Sign out everywhere").click()
    button(page, "Cancel").click()
    expect(page.page.get_by_role("dialog")).to_have_count(0)
    button(page, "Sign out everywhere").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(page.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(elsewhere.page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=40_000)
    expect(elsewhere.rows).to_have_count(0)
    expect(elsewhere.page).to_have_url(re.compile(r"to=%2F%3Fsince%3D1h"))


def test_a_key_is_shown_once_and_can_be_revoked(visit: Visit, collector: CollectorProcess) -> None:
    """A new key's secret is shown once; the key is good on the page and for programs until it is revoked."""
    deliver(collector.url, line_segment("the first"))
    set_up(collector)
    page = signed_in(visit(collector.url))
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    secret = make_key(page, "dashboards", Project="shop", It_may="read", It_expires="90")
    button(page, "Copy").click()
    expect(page.page.get_by_text("Copied.")).to_be_visible()
    assert page.page.evaluate("navigator.clipboard.readText()") == secret
    button(page, "Done").click()
    assert secret not in page.page.content()
    page.page.reload()
    expect(entry(page, "dashboards")).to_contain_text("expires in 90 d")
    assert secret not in page.page.content()
    assert ask(collector, "GET", "/logs", key=secret).status == 200
    other = visit(collector.url)
    other.open("/sign-in", to="/account")
    other.page.get_by_text("Use a key instead").click()
    other.page.get_by_label("Key", exact=True).fill(f" {secret} ")
    other.page.keyboard.press("Enter")
    expect(other.page.locator(".facts")).to_have_text("shopread")
    expect(button(other, "New key")).to_have_count(0)
    button(page, "Revoke dashboards").click()
    button(page, "Revoke").click()
    expect(entry(page, "dashboards")).to_contain_text("revoked just now")
    assert ask(collector, "GET", "/logs", key=secret).status == 401
    other.open()
    expect(other.page.get_by_role("alert").filter(has_text="not a good one any more")).to_be_visible()


def test_a_key_for_a_project_to_come(visit: Visit, collector: CollectorProcess) -> None:
    """An administrator makes keys for all projects, and for one that is not there yet."""
    set_up(collector)
    page = signed_in(visit(collector.url))
    make_key(page, "for all", Project="*")
    button(page, "Done").click()
    expect(entry(page, "for all")).to_contain_text("all projects")
    button(page, "New key").click()
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("for later")
    dialog.get_by_label("Project", exact=True).select_option("+")
    dialog.get_by_label("Name of the project").fill("not so good")
    button(page, "Make the key").click()
    expect(dialog.get_by_text("without spaces")).to_be_visible()
    dialog.get_by_label("Name of the project").fill("later")
    assert page.page.evaluate(NAMELESS) == []
    page.page.keyboard.press("Enter")
    page.page.get_by_label("The key", exact=True).wait_for()
    page.page.keyboard.press("Escape")
    expect(entry(page, "for later")).to_contain_text("later")


def test_who_manages_a_project_gives_roles_there(visit: Visit, collector: CollectorProcess) -> None:
    """Members are added, given another role and removed by name; of other projects nothing is shown."""
    cookie = set_up(collector)
    add_user(collector, cookie, "max", shop="admin")
    add_user(collector, cookie, "vera", bank="editor")
    chief = signed_in(visit(collector.url), "max")
    expect(chief.page.get_by_label("Project").locator("option")).to_have_text(["shop"])
    expect(entry(chief, "vera")).to_have_count(0)
    button(chief, "Add a member").click()
    dialog = chief.page.get_by_role("dialog")
    dialog.get_by_label("User").fill("nobody")
    button(chief, "Add the member").click()
    expect(dialog.locator(".form-alert")).to_contain_text("nobody")
    dialog.get_by_label("User").fill("vera")
    assert chief.page.evaluate(NAMELESS) == []
    button(chief, "Add the member").click()
    expect(chief.page.locator("[data-member=vera]")).to_contain_text("viewersince just now")
    button(chief, "Change the role of vera").click()
    expect(dialog.get_by_label("He may")).to_have_value("viewer")
    dialog.get_by_label("He may").select_option("editor")
    button(chief, "Save").click()
    expect(chief.page.locator("[data-member=vera]")).to_contain_text("editor")
    button(chief, "Remove vera").click()
    button(chief, "Remove").click()
    expect(chief.page.locator("[data-member=vera]")).to_have_count(0)
    expect(chief.page.locator("[data-user]")).to_have_count(0)


def test_an_administrator_gives_accounts(visit: Visit, collector: CollectorProcess) -> None:
    """A user is made with a password that is made up, gets another one, is disabled and enabled again."""
    set_up(collector)
    page = signed_in(visit(collector.url))
    expect(page.page.locator("[data-user=ada]")).to_contain_text("adayouadministrator")
    expect(page.page.locator("[data-user=ada] button")).to_have_count(0)
    button(page, "New user").click()
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("eve")
    button(page, "Make one up").click()
    assert page.page.evaluate(NAMELESS) == []
    button(page, "Make the user").click()
    password = page.page.get_by_label("The password", exact=True).inner_text()
    assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", password)
    button(page, "Done").click()
    assert password not in page.page.content()
    expect(page.page.locator("[data-user=eve]")).to_contain_text("never signed in")
    eve = signed_in(visit(collector.url), "eve", password)
    button(page, "New password of eve").click()
    dialog.get_by_label("Password", exact=True).fill(NEW)
    button(page, "Change the password").last.click()
    expect(dialog).to_contain_text("All his sessions have ended.")
    button(page, "Done").click()
    eve.page.reload()
    expect(eve.page).to_have_url(re.compile("/sign-in"))
    eve.sign_in("eve", NEW)
    eve.page.wait_for_selector("#page h1")
    button(page, "Disable eve").click()
    button(page, "Disable").click()
    expect(page.page.locator("[data-user=eve]")).to_contain_text("disabled")
    eve.page.reload()
    expect(eve.page).to_have_url(re.compile("/sign-in"))
    button(page, "Enable eve").click()
    expect(button(page, "Disable eve")).to_be_visible()


def test_markup_is_text(visit: Visit, collector: CollectorProcess) -> None:
    """Names of keys and of programs are shown as they are, and make no elements."""
    cookie = set_up(collector)
    ask(collector, "POST", "/keys", {"name": MARKUP, "project": "shop"}, cookie=cookie)
    signed_in(visit(collector.url, agent=MARKUP))
    page = signed_in(visit(collector.url, dark=True, width=390, height=760))
    expect(entry(page, MARKUP)).to_have_count(2)
    button(page, f"Revoke {MARKUP}").click()
    expect(page.page.get_by_role("dialog")).to_contain_text(MARKUP)
    expect(page.page.locator("#page img, dialog img")).to_have_count(0)
    assert page.page.title() == "Account · pylogtap"
    width = page.page.evaluate("document.getElementById('page').scrollWidth")
    assert width <= 390


def test_programs_in_plain_words(visit: Visit, collector: CollectorProcess) -> None:
    """Browsers are named with their system; what is not known stays as it is, if not too long."""
    page = visit(collector.url)
    page.open("/account")
    for agent, words in AGENTS:
        assert page.page.evaluate(PROGRAM_OF, agent) == words


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_pages_of_others_change_nothing(visit: Visit, collector: CollectorProcess, host: str) -> None:
    """
    A page of another origin gets nothing done and learns nothing, by forms and by scripts.

    Neither from another port of the same host, where the browser does send the cookie, nor from another site.
    """
    set_up(collector)
    page = signed_in(visit(collector.url))
    cookie = session_of(page)
    before = [ask(collector, "GET", path, cookie=cookie).json["items"] for path in ("/keys", "/users")]
    stranger = page.page.context.new_page()
    with foreign_page(attack(collector.url)) as port:
        stranger.goto(f"http://{host}:{port}/")
        stranger.wait_for_function("window.results")
        results = stranger.evaluate("window.results")
        assert set(results) == {"TypeError"}, results  # no answer may be read
        for form in range(4):
            stranger.goto(f"http://{host}:{port}/")
            stranger.evaluate(f"document.forms[{form}].submit()")
            stranger.wait_for_url(f"{collector.url}/**")
            assert "cross_origin" in stranger.content()
        stranger.goto(f"http://{host}:{port}/framed")
        stranger.wait_for_load_state()
        assert all("Account" not in frame.content() for frame in stranger.frames[1:])
    stranger.close()
    after = [ask(collector, "GET", path, cookie=cookie).json["items"] for path in ("/keys", "/users")]
    assert [len(items) for items in after] == [len(items) for items in before] == [0, 1]
    page.page.reload()
    expect(entry(page, "this one")).to_have_count(1)


def attack(url: str) -> str:
    """Return a page that tries what a page can try."""
    api = f"{url}/api/v1"
    key = json.dumps({"name": "stolen", "project": None, "role": "admin"})
    user = json.dumps({"name": "mallory", "password": PASSWORD, "admin": True})
    tries = [
        ("POST", "/keys", key, "cors"),
        ("POST", "/users", user, "cors"),
        ("DELETE", "/sessions/current", None, "cors"),
        ("DELETE", "/sessions", None, "cors"),
        ("GET", "/me", None, "cors"),
        ("GET", "/logs", None, "cors"),
    ]
    forms = [("keys", key), ("users", user), ("sessions", "{}"), ("setup", "{}")]
    return (
        "<!doctype html><title>stranger</title>"
        + "".join(
            f"<form method=post enctype=text/plain action='{api}/{path}'>"
            f"<textarea name='{body[:-1]},&quot;x&quot;:&quot;'>&quot;}}</textarea></form>"
            for path, body in forms
        )
        + f"<iframe src='{url}/account'></iframe><script>"
        + f"const tries = {json.dumps(tries)};"
        + "Promise.all(tries.map(async ([method, path, body, mode]) => {"
        + "  const options = {method, mode, body, credentials: 'include'};"
        + "  try { if (method === 'POST') await fetch("
        + f"'{api}' + path, {{...options, mode: 'no-cors'}});"
        + f"    return (await fetch('{api}' + path, options)).status; }}"
        + "  catch (error) { return error.name; }"
        + "})).then((results) => { window.results = results; });"
        + "</script>"
    )
