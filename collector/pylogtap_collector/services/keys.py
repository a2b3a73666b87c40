"""Keys: what programs come in by."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.tokens import make_key
from pylogtap_collector.errors import NotFound
from pylogtap_collector.models import Key, KeyPage, NewKey
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import access, audit
from pylogtap_collector.times import to_datetime, to_ns

if TYPE_CHECKING:
    import sqlite3

    from pylogtap_collector.access.roster import KeyRow
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import KeyIn, KeyPatch
    from pylogtap_collector.services.directory import Directory
    from pylogtap_collector.services.versions import Expected


class Keys:
    """
    Keys of projects, and of all projects.

    Whoever manages a project sees and changes its keys; those for all projects take an administrator. All
    methods raise NotFound where there is no such key, or none that may be seen.
    """

    def __init__(self, directory: Directory) -> None:
        """
        Bind what it needs.

        Args:
            directory: Who may come in.
        """
        self._directory = directory

    def page(
        self, visitor: Visitor, *, project: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> KeyPage:
        """
        Return keys in the order in which they were made.

        Args:
            visitor: Who asks.
            project: Those of one project alone.
            limit: How many.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none.
        """
        behind = 0 if cursor is None else read_position(cursor, int)[0]
        rows = [
            row
            for row in sorted(self._directory.roster.keys.values(), key=lambda row: row.id)
            if row.id > behind and _is_seen(row, visitor) and project in {None, row.project}
        ]
        following = write_position(rows[limit - 1].id) if len(rows) > limit else None
        return KeyPage(items=[self._describe(row) for row in rows[:limit]], next=following)

    def one(self, key_id: int, visitor: Visitor) -> Key:
        """
        Return a key.

        Args:
            key_id: Its number.
            visitor: Who asks.
        """
        for row in self._directory.roster.keys.values():
            if row.id == key_id and _is_seen(row, visitor):
                return self._describe(row)
        raise NotFound(f"There is no key {key_id}.")

    async def create(self, new: KeyIn, visitor: Visitor) -> NewKey:
        """
        Make a key. Its secret is in the answer, and nowhere else.

        Args:
            new: For which project, and what it may do.
            visitor: Who does it.

        Raises:
            NotFound: There is no such project for whoever asks.
            MissingRight: He may not give that away.
        """
        visitor.demand(Right.ADMINISTER if new.project is None else Right.MANAGE, new.project)
        token, now = make_key(), time.time_ns()

        def job(connection: sqlite3.Connection) -> int:
            key = access.insert_key(
                connection,
                token,
                name=new.name,
                project=new.project,
                role=new.role,
                created_by=visitor.name,
                expires=None if new.expires is None else to_ns(new.expires),
                now_ns=now,
            )
            audit.note(
                connection, visitor, now, "key.create", token.prefix, new.project,
                name=new.name, role=new.role,
            )  # fmt: skip
            return key

        key = await self._directory.change(job)
        row = self._directory.roster.keys[token.prefix]
        assert row.id == key
        return NewKey(**self._describe(row).model_dump(), secret=token.text)

    async def change(
        self, key_id: int, patch: KeyPatch, visitor: Visitor, *, expected: Expected = None
    ) -> Key:
        """
        Change a key's name or end, or revoke it.

        Args:
            key_id: Its number.
            patch: What changes.
            visitor: Who does it.
            expected: Versions that may be changed.

        Raises:
            StaleVersion: It is none of the versions expected.
        """
        given, now = patch.model_fields_set, time.time_ns()
        changes: dict[str, Any] = {}
        if "name" in given:
            changes["name"] = patch.name
        if "expires" in given:
            changes["expires"] = None if patch.expires is None else to_ns(patch.expires)

        def job(connection: sqlite3.Connection) -> Key:
            row = self._checked(connection, key_id, visitor, expected)
            revokes = "revoked" in given and row.revoked is None
            if revokes:
                changes["revoked"] = now
            access.update_key(connection, key_id, **changes)
            if changes:
                action = "key.revoke" if revokes else "key.change"
                audit.note(
                    connection, visitor, now, action, row.prefix, row.project,
                    name=row.name, changed=sorted(changes),
                )  # fmt: skip
            return self._describe(access.get_key(connection, key_id)[0])

        return await self._directory.change(job)

    async def delete(self, key_id: int, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Remove a key: it ends at once, and is listed no more.

        Args:
            key_id: Its number.
            visitor: Who does it.
            expected: Versions that may be deleted.

        Raises:
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> None:
            row = self._checked(connection, key_id, visitor, expected)
            access.delete_key(connection, key_id)
            audit.note(
                connection, visitor, time.time_ns(), "key.delete", row.prefix, row.project, name=row.name
            )

        await self._directory.change(job)

    def _checked(
        self, connection: sqlite3.Connection, key_id: int, visitor: Visitor, expected: Expected
    ) -> KeyRow:
        row, _ = access.get_key(connection, key_id)
        if not _is_seen(row, visitor):
            raise NotFound(f"There is no key {key_id}.")
        check_version(self._describe(row), expected)
        return row

    def _describe(self, row: KeyRow) -> Key:
        used = self._directory.last_used(row.id)
        return Key(
            id=row.id,
            name=row.name,
            prefix=row.prefix,
            project=row.project,
            role=row.role,
            created=to_datetime(row.created),
            created_by=row.created_by,
            expires=None if row.expires is None else to_datetime(row.expires),
            revoked=None if row.revoked is None else to_datetime(row.revoked),
            last_used=None if used is None else to_datetime(used),
        )


def _is_seen(row: KeyRow, visitor: Visitor) -> bool:
    if row.project is None:
        return visitor.may(Right.ADMINISTER)
    return visitor.may(Right.MANAGE, row.project)
