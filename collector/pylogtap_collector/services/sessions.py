"""Signing in and out, and the first account."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.access.passwords import is_dated
from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.tokens import make_session
from pylogtap_collector.errors import Conflict, MissingRight, NotFound, WrongPassword
from pylogtap_collector.models import Ended, Session, SessionPage, User, UserIn
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.storage import access, audit
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.roster import SessionRow, UserRow
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import SetUp, SignIn
    from pylogtap_collector.services.attempts import Attempts
    from pylogtap_collector.services.directory import Directory
    from pylogtap_collector.services.passwords import Passwords
    from pylogtap_collector.services.users import Users

LIFE_S = 30 * 86_400  # then one signs in anew, however often it was used
_OF_PAIR, _OF_ADDRESS, _OF_NAME = 5, 30, 100  # attempts that may fail before one has to wait
_AGENT = 200  # characters
_NETWORK = 64  # bits
_CODES = "codes"


class Opened(NamedTuple):
    """
    A session that was just opened.

    Attributes:
        token: What the browser shows from now on.
        session: What is known of it.
        user: Whose it is.
    """

    token: str
    session: Session
    user: User


class Sessions:
    """Browsers in which people are signed in. All methods raise NotFound where there is no such session."""

    def __init__(self, directory: Directory, users: Users, passwords: Passwords, attempts: Attempts) -> None:
        """
        Bind what it needs.

        Args:
            directory: Who may come in.
            users: Makes the first account.
            passwords: Compares passwords.
            attempts: Those that failed.
        """
        self._directory = directory
        self._users = users
        self._passwords = passwords
        self._attempts = attempts

    async def open(self, given: SignIn, visitor: Visitor, agent: str) -> Opened:
        """
        Sign in.

        Args:
            given: Name and password.
            visitor: Who asks; only where he is counts.
            agent: The program, as it calls itself.

        Raises:
            WrongPassword: The name or the password is not right; which of them is not said.
            TooManyAttempts: Too many have failed.
        """
        folded = given.name.casefold()
        place = _place_of(visitor.address)
        names = {
            f"pair {folded} {place}": _OF_PAIR,
            f"address {place}": _OF_ADDRESS,
            f"name {folded}": _OF_NAME,
        }
        self._attempts.check(names)
        self._attempts.failed(*names)  # at first, so that attempts at the same moment count, too
        row = self._directory.roster.user(given.name)
        fits = await self._passwords.fits(None if row is None else row.password, given.password)
        if row is None or not fits or row.disabled:
            await self._refuse(given.name, visitor)
        assert row is not None
        self._attempts.succeeded(*names)
        anew = await self._passwords.hashed(given.password) if is_dated(row.password) else None
        return await self._open(row, visitor, agent, "session.create", password=anew)

    async def _refuse(self, name: str, visitor: Visitor) -> None:
        await self._note(visitor, "session.refuse", name[:100])
        raise WrongPassword("The name or the password is not right.")

    async def _note(self, visitor: Visitor, action: str, name: str) -> None:
        await self._directory.change(
            lambda connection: audit.note(connection, visitor, time.time_ns(), action, name)
        )

    async def set_up(self, given: SetUp, visitor: Visitor, agent: str) -> Opened:
        """
        Make the first account, which administers the collector, and sign in.

        Args:
            given: The one-time code, name and password.
            visitor: Who asks.
            agent: The program, as it calls itself.

        Raises:
            Conflict: There is an account already.
            WrongPassword: The code is not right.
            TooManyAttempts: Too many have failed.
        """
        self._refuse_second()
        self._attempts.check({_CODES: _OF_PAIR})
        if not self._directory.is_code(given.code):
            self._attempts.failed(_CODES)
            await self._note(visitor, "setup.refuse", given.name)
            raise WrongPassword(
                "The code is not right: the collector prints it when it starts, while there is no account."
            )
        self._attempts.succeeded(_CODES)
        self._directory.code = None  # it is good for one account, also for two who come at once
        try:
            user = await self._users.add(
                UserIn(name=given.name, password=given.password, admin=True),
                replace(visitor, name=given.name),
            )
        except BaseException:
            self._directory.renew_code()
            raise
        return await self._open(self._directory.roster.users[user.id], visitor, agent, "session.create")

    def _refuse_second(self) -> None:
        if self._directory.roster.users:
            raise Conflict("There is an account already; sign in, or ask an administrator for one.")

    async def _open(
        self, row: UserRow, visitor: Visitor, agent: str, action: str, *, password: str | None = None
    ) -> Opened:
        token, now = make_session(), time.time_ns()
        who = replace(visitor, kind="user", name=row.name, id=row.id)

        def job(connection: sqlite3.Connection) -> None:
            current = access.read_roster(connection).users.get(row.id)
            if current is None or current.disabled or current.password != row.password:
                raise WrongPassword("The account has changed meanwhile; sign in again.")
            changes = (
                {"last_sign_in": now} if password is None else {"last_sign_in": now, "password": password}
            )
            access.update_user(connection, row.id, **changes)
            access.insert_session(
                connection,
                token.digest,
                row.id,
                expires=now + LIFE_S * 1_000_000_000,
                address=visitor.address,
                agent=agent[:_AGENT],
                now_ns=now,
            )
            audit.note(connection, who, now, action, row.name)

        await self._directory.change(job)
        session = self._directory.roster.sessions[token.digest]
        described = self._describe(session, replace(who, session=session.id))
        return Opened(token.text, described, self._users.known(row.id))

    def page(
        self, visitor: Visitor, *, user: int | None = None, limit: int = 100, cursor: str | None = None
    ) -> SessionPage:
        """
        Return sessions, the oldest first.

        Args:
            visitor: Who asks.
            user: Whose; None: his own, of a key those of everybody.
            limit: How many.
            cursor: From the page before.

        Raises:
            MissingRight: They are somebody else's.
            InvalidCursor: It is none.
        """
        whose = self._whose(visitor, user)
        behind = 0 if cursor is None else read_position(cursor, int)[0]
        rows = [
            row
            for row in sorted(self._directory.roster.sessions.values(), key=lambda row: row.id)
            if row.id > behind and whose in {None, row.user}
        ]
        following = write_position(rows[limit - 1].id) if len(rows) > limit else None
        return SessionPage(items=[self._describe(row, visitor) for row in rows[:limit]], next=following)

    async def close(self, session_id: int, visitor: Visitor) -> None:
        """
        End a session.

        Args:
            session_id: Its number.
            visitor: Who does it.
        """
        rows = self._directory.roster.sessions.values()
        row = next((row for row in rows if row.id == session_id), None)
        if row is None or not (self._is_own(row, visitor) or visitor.may(Right.ADMINISTER)):
            raise NotFound(f"There is no session {session_id}.")
        name = self._directory.roster.users[row.user].name

        def job(connection: sqlite3.Connection) -> None:
            access.delete_session(connection, session_id)
            audit.note(connection, visitor, time.time_ns(), "session.delete", name)

        await self._directory.change(job)

    async def close_current(self, visitor: Visitor) -> None:
        """
        Sign out.

        Args:
            visitor: Who does it.
        """
        if visitor.session is None:
            raise NotFound("There is no session to end: nobody is signed in here.")
        await self.close(visitor.session, visitor)

    async def close_all(self, visitor: Visitor, *, user: int | None = None) -> Ended:
        """
        Sign out everywhere.

        Args:
            visitor: Who does it.
            user: Whose sessions end; None: his own.

        Raises:
            MissingRight: They are somebody else's.
            NotFound: There is no such user.
        """
        whose = self._whose(visitor, user)
        row = None if whose is None else self._directory.roster.users.get(whose)
        if row is None:
            raise NotFound("There is no such user; say whose sessions are to end by `user`.")

        def job(connection: sqlite3.Connection) -> int:
            ended = access.delete_sessions(connection, row.id)
            audit.note(connection, visitor, time.time_ns(), "session.delete_all", row.name, ended=ended)
            return ended

        return Ended(ended=await self._directory.change(job))

    @staticmethod
    def _whose(visitor: Visitor, user: int | None) -> int | None:
        own = visitor.id if visitor.kind == "user" else None
        whose = own if user is None else user
        if (whose is None or whose != own) and not visitor.may(Right.ADMINISTER):
            raise MissingRight(
                "Only people have sessions, and only administrators see those of others; "
                "sign in at /sign-in to see your own."
            )
        return whose

    @staticmethod
    def _is_own(row: SessionRow, visitor: Visitor) -> bool:
        return visitor.kind == "user" and row.user == visitor.id

    def _describe(self, row: SessionRow, visitor: Visitor) -> Session:
        return Session(
            id=row.id,
            user=self._directory.roster.users[row.user].name,
            created=to_datetime(row.created),
            last_seen=to_datetime(self._directory.last_seen(row.id, row.created)),
            expires=to_datetime(row.expires),
            address=row.address,
            agent=row.agent,
            current=row.id == visitor.session,
        )


def _place_of(address: str) -> str:
    """Return what attempts from an address are counted under: of IPv6 the network that one customer gets."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ipaddress.ip_network((found, _NETWORK), strict=False))
