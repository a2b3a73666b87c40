"""
Who may come in: the one place that holds it, reads it, and changes it.

What is asked with each request is answered from memory; a change is stored first, then takes effect here.
"""

from __future__ import annotations

import hmac
import logging
import time
from typing import TYPE_CHECKING, TypeVar

from pylogtap_collector.access.rights import OF_SERVER, Right
from pylogtap_collector.access.roster import IDLE_NS, Roster, is_valid
from pylogtap_collector.access.tokens import digest_of, make_code, make_key, plain_code
from pylogtap_collector.access.visitor import NOBODY, Visitor, local
from pylogtap_collector.models import Me
from pylogtap_collector.storage import access

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from pylogtap_collector.settings import Settings
    from pylogtap_collector.storage.engine import Engine

T = TypeVar("T")
_FORGET_NS = 600_000_000_000  # between two removals of sessions that have ended

_log = logging.getLogger("pylogtap.collector")


class Directory:
    """
    Knows everybody who may come in.

    Attributes:
        roster: Users, members, keys and sessions as they are now.
        code: What makes the first account; None once there is one.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        """
        Bind what it needs; :meth:`load` reads.

        Args:
            engine: The database.
            settings: The key of the environment, and where the collector listens.
        """
        self.roster = Roster()
        self.code: str | None = None
        self._engine = engine
        self._wide = settings.wide
        self._server_key = None if settings.key is None else digest_of(settings.key.get_secret_value())
        self._own = make_key()
        self._changes = 0  # counted where they are made
        self._taken = 0  # which of them counts here
        self._keys: dict[int, int] = {}
        self._sessions: dict[int, int] = {}
        self._used: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._forgotten = 0

    @property
    def own_key(self) -> str:
        """The key by which the collector delivers to itself what dead programs left; new with each start."""
        return self._own.text

    @property
    def is_open(self) -> bool:
        """Whether nobody has to show who he is: on this machine alone, before there is any account or key."""
        if self._wide or self._server_key is not None:
            return False
        return (
            self._engine.read_only or self.roster.empty
        )  # the accounts in a file that is shown do not count

    @property
    def is_guarded(self) -> bool:
        """Whether there is any account or key to come in by."""
        return self._server_key is not None or not self.roster.empty

    async def load(self) -> None:
        """Read who may come in; without any account, make the code for the first one."""
        if self._engine.read_only:
            return
        self.roster, (self._keys, self._sessions) = await self._engine.read(
            lambda connection: (access.read_roster(connection), access.read_uses(connection))
        )
        if not self.roster.users:
            self.code = make_code()

    async def change(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """
        Change who may come in; when this returns, the change is on the disk and counts.

        Args:
            job: Does it, in a transaction.
        """

        def changed(connection: sqlite3.Connection) -> tuple[T, Roster, int]:
            done = job(connection)
            self._changes += 1  # jobs are done one after the other
            return done, access.read_roster(connection), self._changes

        done, roster, number = await self._engine.write(changed, urgent=True)
        if number > self._taken:  # else a later one counts already, which knows this one
            self._taken, self.roster = number, roster
            self.code = None if roster.users else self.code
        return done

    def visitor(
        self, key: str | None, session: str | None, address: str, *, may_be_local: bool
    ) -> Visitor | None:
        """
        Return who asks; None where a key or session is shown that is not good.

        Args:
            key: The key that was shown.
            session: The token of a session that was shown; does not count beside a key.
            address: Where the request comes from.
            may_be_local: Whether the request was made on this machine, by somebody who may be trusted.
        """
        if key is not None:
            return self._by_key(key, address)
        if session is not None:
            found = self._by_session(session, address)
            if found is not None or not self.is_open:
                return found
        return local(address) if may_be_local and self.is_open else NOBODY.at(address)

    def _by_key(self, text: str, address: str) -> Visitor | None:
        """Compare with all there is, whatever the first comparison says."""
        now, digest = time.time_ns(), digest_of(text)
        own = hmac.compare_digest(digest, self._own.digest)
        server = self._server_key is not None and hmac.compare_digest(digest, self._server_key)
        found = self.roster.by_key(text, now, address)
        if server:
            return Visitor("server_key", "PYLOGTAP_KEY", address=address, everywhere=OF_SERVER)
        if own:
            return Visitor("collector", "collector", address=address, everywhere=frozenset({Right.DELIVER}))
        number = 0 if found is None else found.id or 0  # 0: is noted like others, and is no key
        self._keys[number] = self._used[0][number] = now
        return found

    def _by_session(self, text: str, address: str) -> Visitor | None:
        now = time.time_ns()
        row = self.roster.sessions.get(digest_of(text))
        if row is None or self.last_seen(row.id, row.created) + IDLE_NS <= now:
            return None
        found = self.roster.by_row(row, now, address)
        if found is not None:
            self._sessions[row.id] = self._used[1][row.id] = now
        return found

    def knows(self, visitor: Visitor) -> bool:
        """Tell whether somebody who was let in would be let in now, with the same rights."""
        now = time.time_ns()
        if visitor.kind == "key":
            return any(row.id == visitor.id and is_valid(row, now) for row in self.roster.keys.values())
        if visitor.kind == "user":
            rows = (row for row in self.roster.sessions.values() if row.id == visitor.session)
            row = next(rows, None)
            return row is not None and self.roster.by_row(row, now, visitor.address) == visitor
        return visitor.kind != "local" or self.is_open

    def describe(self, visitor: Visitor) -> Me:
        """Return who asks, as the API shows it."""
        return Me(
            kind=visitor.kind,
            id=visitor.id,
            name=visitor.name,
            admin=visitor.may(Right.ADMINISTER),
            everywhere=sorted(visitor.everywhere),
            projects={name: sorted(rights) for name, rights in sorted(visitor.projects.items())},
            accounts=bool(self.roster.users),
            read_only=self._engine.read_only,
        )

    def last_used(self, key: int) -> int | None:
        """Return when a key was used last, ns since the epoch."""
        return self._keys.get(key)

    def last_seen(self, session: int, created: int) -> int:
        """Return when a session was used last, ns since the epoch; at first when it was opened."""
        return self._sessions.get(session, created)

    def is_code(self, text: str) -> bool:
        """Tell whether a text is the code that makes the first account."""
        return self.code is not None and hmac.compare_digest(
            digest_of(plain_code(text)), digest_of(plain_code(self.code))
        )

    def renew_code(self) -> None:
        """Make another code, where the one before was used up and there is no account yet."""
        if not self.roster.users:
            self.code = make_code()
            _log.warning("the code for the first account is %s now", self.code)

    async def remember(self) -> None:
        """Store when keys and sessions were used last, and forget sessions that have ended."""
        (keys, sessions), self._used = self._used, ({}, {})
        if keys or sessions:
            await self._engine.write(lambda connection: access.write_uses(connection, keys, sessions))
        now = time.time_ns()
        if now - self._forgotten > _FORGET_NS and self.roster.sessions:
            self._forgotten = now
            await self.change(lambda connection: access.forget_sessions(connection, now, IDLE_NS))
