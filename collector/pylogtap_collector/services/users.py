"""Users, and the roles they have in projects."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap_collector.access.rights import Right
from pylogtap_collector.errors import Conflict, NotFound, WrongPassword
from pylogtap_collector.models import Membership, User, UserPage
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import access, audit
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.roster import Roster, UserRow
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import PasswordChange, UserIn, UserPatch
    from pylogtap_collector.services.attempts import Attempts
    from pylogtap_collector.services.directory import Directory
    from pylogtap_collector.services.passwords import Passwords
    from pylogtap_collector.services.versions import Expected
_CURRENT = 5  # attempts at one's current password that may fail before one has to wait


class Users:
    """People who can sign in. All methods raise NotFound where there is no such user."""

    def __init__(self, directory: Directory, passwords: Passwords, attempts: Attempts) -> None:
        """
        Bind what it needs.

        Args:
            directory: Who may come in.
            passwords: Hashes.
            attempts: Those that failed.
        """
        self._directory = directory
        self._passwords = passwords
        self._attempts = attempts

    def page(self, *, name: str | None = None, limit: int = 100, cursor: str | None = None) -> UserPage:
        """
        Return users in the order in which they were made.

        Args:
            name: A part of their names; case does not count.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        behind = 0 if cursor is None else read_position(cursor, int)[0]
        wanted = (name or "").casefold()
        roster = self._directory.roster
        rows = [row for row in roster.users.values() if row.id > behind and wanted in row.name.casefold()]
        following = write_position(rows[limit - 1].id) if len(rows) > limit else None
        return UserPage(items=[describe(roster, row) for row in rows[:limit]], next=following)

    def one(self, user_id: int, visitor: Visitor) -> User:
        """
        Return a user; whoever does not administer finds himself alone.

        Args:
            user_id: His number.
            visitor: Who asks.
        """
        return describe(self._directory.roster, self._row(user_id, visitor))

    async def create(self, new: UserIn, visitor: Visitor) -> User:
        """
        Add a user.

        Args:
            new: Name and password.
            visitor: Who does it.

        Raises:
            Conflict: There is one of this name, or this is the first one, which takes the code.
        """
        if visitor.kind == "local":
            raise Conflict(
                "The first account takes the code that the collector printed when it started: "
                "POST /api/v1/setup, the page /sign-in, or `pylogtap user add`."
            )
        return await self.add(new, visitor)

    async def add(self, new: UserIn, visitor: Visitor) -> User:
        """
        Add a user, whoever asks.

        Args:
            new: Name and password.
            visitor: Who does it, for the audit log.

        Raises:
            Conflict: There is one of this name.
        """
        password = await self._passwords.hashed(new.password)
        now = time.time_ns()

        def job(connection: sqlite3.Connection) -> int:
            user = access.insert_user(connection, new.name, password, admin=new.admin, now_ns=now)
            audit.note(connection, visitor, now, "user.create", new.name, admin=new.admin)
            return user

        user = await self._directory.change(job)
        return self.one(user, visitor) if visitor.may(Right.ADMINISTER) else self.known(user)

    def known(self, user_id: int) -> User:
        """Return a user, whoever asks."""
        roster = self._directory.roster
        return describe(roster, roster.users[user_id])

    async def change(
        self, user_id: int, patch: UserPatch, visitor: Visitor, *, expected: Expected = None
    ) -> User:
        """
        Change a user. One who is disabled is signed out everywhere.

        Args:
            user_id: His number.
            patch: What changes.
            visitor: Who does it.
            expected: Versions that may be changed.

        Raises:
            Conflict: The name is taken, or nobody would be left who administers.
            StaleVersion: It is none of the versions expected.
        """
        changes = patch.model_dump(exclude_unset=True)

        def job(connection: sqlite3.Connection) -> None:
            row = self._checked(connection, user_id, expected)
            access.update_user(connection, user_id, **changes)
            if changes.get("disabled"):
                access.delete_sessions(connection, user_id)
            self._keep_an_admin(connection, row)
            audit.note(connection, visitor, time.time_ns(), "user.change", row.name, **changes)

        await self._directory.change(job)
        return self.one(user_id, visitor)

    async def delete(self, user_id: int, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Remove a user, with his roles, sessions and private searches.

        Keys that he made stay, as does what the audit log says of him.

        Args:
            user_id: His number.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            Conflict: Nobody would be left who administers.
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> None:
            row = self._checked(connection, user_id, expected)
            access.delete_user(connection, user_id)
            self._keep_an_admin(connection, row)
            audit.note(connection, visitor, time.time_ns(), "user.delete", row.name)

        await self._directory.change(job)

    async def change_password(self, user_id: int, change: PasswordChange, visitor: Visitor) -> None:
        """
        Change a password, and end all other sessions of the user.

        Args:
            user_id: His number.
            change: The new one, and the one so far unless an administrator does it for somebody else.
            visitor: Who does it.

        Raises:
            WrongPassword: The one so far is not right.
            TooManyAttempts: Too many have failed.
        """
        row = self._row(user_id, visitor)
        own = visitor.kind == "user" and visitor.id == user_id
        if own:
            await self._check_current(row, change.current or "")
        password = await self._passwords.hashed(change.new)

        def job(connection: sqlite3.Connection) -> None:
            access.update_user(connection, user_id, password=password)
            ended = access.delete_sessions(connection, user_id, but=visitor.session if own else None)
            audit.note(
                connection, visitor, time.time_ns(), "user.change_password", row.name, sessions_ended=ended
            )

        await self._directory.change(job)

    async def _check_current(self, row: UserRow, current: str) -> None:
        name = f"current {row.id}"  # a session that somebody has stolen must not find the password out
        self._attempts.check({name: _CURRENT})
        self._attempts.failed(name)
        if not await self._passwords.fits(row.password, current):
            raise WrongPassword("The current password is not right; give it as `current`.")
        self._attempts.succeeded(name)

    def _row(self, user_id: int, visitor: Visitor) -> UserRow:
        row = self._directory.roster.users.get(user_id)
        own = visitor.kind == "user" and visitor.id == user_id
        if row is None or not (own or visitor.may(Right.ADMINISTER)):
            raise NotFound(f"There is no user {user_id}.")
        return row

    @staticmethod
    def _checked(connection: sqlite3.Connection, user_id: int, expected: Expected) -> UserRow:
        roster = access.read_roster(connection)
        row = roster.users.get(user_id)
        if row is None:
            raise NotFound(f"There is no user {user_id}.")
        check_version(describe(roster, row), expected)
        return row

    @staticmethod
    def _keep_an_admin(connection: sqlite3.Connection, changed: UserRow) -> None:
        if changed.admin and not access.count_admins(connection):
            raise Conflict(
                f"{changed.name} is the only administrator who can sign in; make another one first."
            )


def describe(roster: Roster, row: UserRow) -> User:
    """
    Return a user as the API shows him.

    Args:
        roster: Knows his roles.
        row: The user.
    """
    roles = sorted((member.project, member.role) for member in roster.members if member.user == row.id)
    return User(
        id=row.id,
        name=row.name,
        admin=row.admin,
        disabled=row.disabled,
        created=to_datetime(row.created),
        last_sign_in=None if row.last_sign_in is None else to_datetime(row.last_sign_in),
        projects=[Membership(project=project, role=role) for project, role in roles],
    )
