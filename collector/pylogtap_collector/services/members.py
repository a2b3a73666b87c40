"""Who has which role in a project."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap_collector.errors import NotFound
from pylogtap_collector.models import Member, MemberPage
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import access, audit
from pylogtap_collector.storage.places import get_place
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.roster import Roster
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import MemberIn, MemberPatch
    from pylogtap_collector.services.directory import Directory
    from pylogtap_collector.services.versions import Expected


class Members:
    """The members of projects. All methods raise NotFound where there is no such member."""

    def __init__(self, directory: Directory) -> None:
        """
        Bind what it needs.

        Args:
            directory: Who may come in.
        """
        self._directory = directory

    def page(self, project: str, *, limit: int = 100, cursor: str | None = None) -> MemberPage:
        """
        Return the members of a project by name.

        Args:
            project: Its name.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        behind = "" if cursor is None else read_position(cursor, str)[0]
        members = [each for each in _members(self._directory.roster, project) if each.user > behind]
        following = write_position(members[limit - 1].user) if len(members) > limit else None
        return MemberPage(items=members[:limit], next=following)

    def one(self, project: str, user: str) -> Member:
        """
        Return a member.

        Args:
            project: Its name.
            user: His name.
        """
        return _member(self._directory.roster, project, user)

    async def add(self, project: str, new: MemberIn, visitor: Visitor) -> Member:
        """
        Give a user a role in a project.

        Args:
            project: Its name.
            new: Who, and which role.
            visitor: Who does it.

        Raises:
            NotFound: There is no such project, or no such user.
            Conflict: He has a role there already.
        """
        now = time.time_ns()

        def job(connection: sqlite3.Connection) -> None:
            get_place(connection, {}, (project,))
            user = access.read_roster(connection).user(new.user)
            if user is None:
                raise NotFound(f"There is no user {new.user}; an administrator makes one.")
            access.insert_member(connection, project, user.id, new.role, now)
            audit.note(connection, visitor, now, "member.create", user.name, project, role=new.role)

        await self._directory.change(job)
        return self.one(project, new.user)

    async def change(
        self, project: str, user: str, patch: MemberPatch, visitor: Visitor, *, expected: Expected = None
    ) -> Member:
        """
        Change a member's role.

        Args:
            project: The project.
            user: His name.
            patch: The role.
            visitor: Who does it.
            expected: Versions that may be changed.

        Raises:
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> None:
            number = self._checked(connection, project, user, expected)
            access.update_member(connection, project, number, patch.role)
            audit.note(connection, visitor, time.time_ns(), "member.change", user, project, role=patch.role)

        await self._directory.change(job)
        return self.one(project, user)

    async def remove(self, project: str, user: str, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Take a user's role in a project away.

        Args:
            project: The project.
            user: His name.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> None:
            number = self._checked(connection, project, user, expected)
            access.delete_member(connection, project, number)
            audit.note(connection, visitor, time.time_ns(), "member.delete", user, project)

        await self._directory.change(job)

    @staticmethod
    def _checked(connection: sqlite3.Connection, project: str, name: str, expected: Expected) -> int:
        roster = access.read_roster(connection)
        check_version(_member(roster, project, name), expected)
        user = roster.user(name)
        assert user is not None
        return user.id


def _members(roster: Roster, project: str) -> list[Member]:
    found = [
        Member(
            project=project,
            user=roster.users[row.user].name,
            role=row.role,
            since=to_datetime(row.since),
        )
        for row in roster.members
        if row.project == project and row.user in roster.users
    ]
    return sorted(found, key=lambda member: member.user)


def _member(roster: Roster, project: str, user: str) -> Member:
    folded = user.casefold()
    for member in _members(roster, project):
        if member.user.casefold() == folded:
            return member
    raise NotFound(f"{user} is no member of {project}.")
