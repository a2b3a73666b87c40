"""Who is let in, judged in memory: keys, sessions, roles; and how attempts have to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylogtap_collector.access.rights import OF_KEY, OF_KEY_EVERYWHERE, OF_ROLE, OF_SERVER, Right
from pylogtap_collector.access.roster import KeyRow, MemberRow, Roster, SessionRow, UserRow
from pylogtap_collector.access.tokens import make_code, make_key, make_session, plain_code, prefix_of
from pylogtap_collector.access.visitor import NOBODY, Visitor, local
from pylogtap_collector.errors import MissingRight, NotFound, TooManyAttempts
from pylogtap_collector.services.attempts import LONGEST_S, WINDOW_S, Attempts

if TYPE_CHECKING:
    from pylogtap_collector.models import KeyRole

NOW = 1_700_000_000_000_000_000
KEY, OTHER_KEY = make_key(), make_key()


def key_row(**more: Any) -> KeyRow:
    """Return a key of the project shop."""
    row = KeyRow(1, "web", KEY.prefix, KEY.digest, "shop", "ingest", NOW, "ada", None, None)
    return row._replace(**more)


@given(st.text())
def test_nothing_but_the_key_is_the_key(text: str) -> None:
    """Whatever is shown, only the key itself lets in."""
    roster = Roster(keys=[key_row()])
    found = roster.by_key(text, NOW, "")
    assert (found is not None) == (text == KEY.text)


@given(st.integers(0, len(KEY.text) - 1), st.characters(codec="ascii", exclude_characters="\x00"))
def test_a_key_with_another_character_is_none(place: int, character: str) -> None:
    """A key that differs in one character is no key."""
    text = KEY.text[:place] + character + KEY.text[place + 1 :]
    assert (Roster(keys=[key_row()]).by_key(text, NOW, "") is not None) == (text == KEY.text)


@pytest.mark.parametrize(
    ("change", "good"),
    [
        ({}, True),
        ({"expires": NOW + 1}, True),
        ({"expires": NOW}, False),
        ({"revoked": NOW + 5}, False),
        ({"digest": OTHER_KEY.digest}, False),
    ],
)
def test_a_key_has_its_time(change: dict[str, Any], good: bool) -> None:
    """A key counts until its end, or until it is revoked."""
    assert (Roster(keys=[key_row(**change)]).by_key(KEY.text, NOW, "") is not None) is good


@pytest.mark.parametrize("role", ["ingest", "read", "admin"])
def test_rights_of_keys(role: KeyRole) -> None:
    """A key has its role's rights in its project alone; one for all projects has them everywhere."""
    one = Roster(keys=[key_row(role=role)]).by_key(KEY.text, NOW, "")
    every = Roster(keys=[key_row(role=role, project=None)]).by_key(KEY.text, NOW, "")
    assert one is not None
    assert every is not None
    rights = OF_KEY[role]
    assert {right for right in Right if one.may(right, "shop")} == rights | {Right.OPEN, Right.KNOWN}
    assert {right for right in Right if one.may(right, "zebra")} == {Right.OPEN, Right.KNOWN}
    assert every.everywhere == OF_KEY_EVERYWHERE[role]
    assert one.where(Right.MANAGE) == frozenset({"shop"} if role == "admin" else ())
    assert (every.where(Right.MANAGE) is None) == (role == "admin")


@pytest.mark.parametrize("disabled", [False, True])
def test_sessions(disabled: bool) -> None:
    """A session is its user's as long as he may sign in, with the roles that he has now."""
    token = make_session()
    user = UserRow(1, "ada", "", admin=False, disabled=disabled, created=NOW, last_sign_in=None)
    row = SessionRow(7, token.digest, 1, NOW, NOW + 10, "127.0.0.1", "x")
    roster = Roster([user], [MemberRow("shop", 1, "editor", NOW)], [], [row])
    found = roster.by_row(row, NOW, "::1")
    assert (found is None) == disabled
    if found is not None:
        assert (found.name, found.session, found.address) == ("ada", 7, "::1")
        assert found.projects == {"shop": OF_ROLE["editor"]}
    assert roster.by_row(row, NOW + 10, "") is None
    assert Roster(sessions=[row]).by_row(row, NOW, "") is None  # the user is gone


def test_what_is_demanded() -> None:
    """Who may not know of a project hears that it is not there; who may, that he lacks the right."""
    viewer = Visitor("user", "ada", 1, projects={"shop": OF_ROLE["viewer"]})
    viewer.demand(Right.READ, "shop")
    with pytest.raises(MissingRight, match="right to write in shop, which the user ada does not have"):
        viewer.demand(Right.WRITE, "shop")
    with pytest.raises(NotFound, match=r"^There is no project zebra\.$"):
        viewer.demand(Right.READ, "zebra")
    with pytest.raises(MissingRight):
        viewer.demand(Right.ADMINISTER)
    assert viewer.may_somewhere(Right.READ)
    assert not viewer.may_somewhere(Right.WRITE)
    assert not NOBODY.may(Right.KNOWN)
    assert local().everywhere == OF_SERVER


def test_codes_are_typed_by_people() -> None:
    """A code counts however its letters are written, and has none that can be taken for another."""
    code = make_code()
    assert plain_code(code.lower().replace("-", " ")) == plain_code(code) == code.replace("-", "")
    assert not set(code) & set("IO01")
    assert make_code() != code


def test_keys_can_be_told_by_their_beginning() -> None:
    """A key's beginning names it, and is no secret."""
    assert prefix_of(KEY.text) == KEY.prefix
    assert KEY.text.startswith(f"{KEY.prefix}_")
    assert len(KEY.text) > len(KEY.prefix) + 40


class Clock:
    """Tells the time that it was told."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@given(st.integers(1, 40))
def test_attempts_wait_longer_and_longer(failures: int) -> None:
    """After the free ones each failure doubles the wait, up to the longest; in time they are forgotten."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(failures):
        attempts.failed("ada")
    if failures < 5:
        attempts.check({"ada": 5})
        return
    with pytest.raises(TooManyAttempts) as refused:
        attempts.check({"ada": 5})
    assert refused.value.retry_after_s == min(LONGEST_S, 2.0 ** (failures - 5))
    attempts.check({"bob": 5})
    clock.now = refused.value.retry_after_s or 0
    attempts.check({"ada": 5})
    attempts.failed("ada")
    clock.now += WINDOW_S + 1
    attempts.check({"ada": 5})


def test_success_forgets() -> None:
    """Who came in begins anew."""
    attempts = Attempts(Clock())
    for _ in range(9):
        attempts.failed("ada")
    attempts.succeeded("ada")
    attempts.check({"ada": 5})
