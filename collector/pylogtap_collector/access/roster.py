"""
Everybody who may come in, as the database has it: read whole, never changed, replaced when something changes.

So a request is judged in memory, in microseconds, and by one state of things.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pylogtap_collector.access.rights import OF_KEY, OF_KEY_EVERYWHERE, OF_NOBODY, OF_ROLE, OF_SERVER, Right
from pylogtap_collector.access.tokens import digest_of, prefix_of
from pylogtap_collector.access.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap_collector.models import KeyRole, Role

IDLE_NS = 7 * 86_400_000_000_000  # a session that nobody used for so long has ended
_NO_PROJECTS: Mapping[str, frozenset[Right]] = {}


class UserRow(NamedTuple):
    """A row of `user`; times are ns since the epoch."""

    id: int
    name: str
    password: str
    admin: bool
    disabled: bool
    created: int
    last_sign_in: int | None


class MemberRow(NamedTuple):
    """A row of `member`."""

    project: str
    user: int
    role: Role
    since: int


class KeyRow(NamedTuple):
    """A row of `key`, without the time of its last use."""

    id: int
    name: str
    prefix: str
    digest: bytes
    project: str | None
    role: KeyRole
    created: int
    created_by: str
    expires: int | None
    revoked: int | None


# What a key is compared with whose beginning nobody knows; revoked, so that it is never a good one.
_NO_KEY = KeyRow(0, "", "", bytes(32), "-", "read", 0, "", None, 0)


class SessionRow(NamedTuple):
    """A row of `session`, without the time of its last use."""

    id: int
    digest: bytes
    user: int
    created: int
    expires: int
    address: str
    agent: str


class Roster:
    """
    Users, members, keys and sessions at one moment.

    Attributes:
        users: By their number.
        members: All of them.
        keys: By how they begin.
        sessions: By their check sum.
    """

    def __init__(
        self,
        users: Sequence[UserRow] = (),
        members: Sequence[MemberRow] = (),
        keys: Sequence[KeyRow] = (),
        sessions: Sequence[SessionRow] = (),
    ) -> None:
        """
        Take rows as they are stored.

        Args:
            users: All users.
            members: All members.
            keys: All keys.
            sessions: All sessions.
        """
        self.users = {row.id: row for row in users}
        self.members = tuple(members)
        self.keys = {row.prefix: row for row in keys}
        self.sessions = {row.digest: row for row in sessions}

    @property
    def empty(self) -> bool:
        """Whether neither user nor key was ever made."""
        return not (self.users or self.keys)

    @cached_property
    def _projects(self) -> Mapping[int, dict[str, frozenset[Right]]]:
        found: dict[int, dict[str, frozenset[Right]]] = defaultdict(dict)
        for row in self.members:
            found[row.user][row.project] = OF_ROLE[row.role]
        return found

    def user(self, name: str) -> UserRow | None:
        """Return the user of a name; case does not count."""
        folded = name.casefold()
        return next((row for row in self.users.values() if row.name.casefold() == folded), None)

    def by_key(self, text: str, now_ns: int, address: str) -> Visitor | None:
        """
        Return who shows a key; None where it is none, or has ended.

        Takes the same steps, whatever the key is: a wrong one costs what the right one does.

        Args:
            text: The key.
            now_ns: The time.
            address: Where it comes from.
        """
        digest = digest_of(text)
        row = self.keys.get(prefix_of(text), _NO_KEY)
        good = hmac.compare_digest(digest, row.digest) & is_valid(row, now_ns)
        if row.project is None:
            rights, projects = OF_KEY_EVERYWHERE[row.role], _NO_PROJECTS
        else:
            rights, projects = OF_NOBODY, {row.project: OF_KEY[row.role]}
        found = Visitor("key", row.name, row.id, None, address, rights, projects)
        return found if good else None

    def by_row(self, row: SessionRow, now_ns: int, address: str) -> Visitor | None:
        """
        Return whose session one is; None where it has ended, or he may not come in any more.

        Args:
            row: The session.
            now_ns: The time.
            address: Where the request comes from.
        """
        user = self.users.get(row.user)
        if user is None or user.disabled or row.expires <= now_ns:
            return None
        return Visitor(
            "user",
            user.name,
            user.id,
            row.id,
            address,
            OF_SERVER if user.admin else OF_NOBODY,
            self._projects.get(user.id, {}),
        )


def is_valid(row: KeyRow, now_ns: int) -> bool:
    """Tell whether a key is neither revoked nor past its end."""
    return row.revoked is None and (row.expires is None or now_ns < row.expires)
