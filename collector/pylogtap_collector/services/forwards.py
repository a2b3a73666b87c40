"""What is delivered to other systems: made, changed and removed by administrators."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pylogtap_collector import query as language
from pylogtap_collector.models import Forward, ForwardPage
from pylogtap_collector.outgoing.addresses import check_url
from pylogtap_collector.services.positions import read_position, write_position
from pylogtap_collector.services.versions import Expected, check_version
from pylogtap_collector.storage import audit, forwards, logs
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection

    from pylogtap_collector.access.vault import Vault
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import ForwardIn, ForwardPatch
    from pylogtap_collector.outgoing.addresses import Origin
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.forwards import ForwardRow

T = TypeVar("T")
HEADERS = "forward.headers"  # under which they are sealed


class Forwards:
    """The list of what is delivered elsewhere; :mod:`pylogtap_collector.services.forwarding` delivers it."""

    def __init__(
        self, engine: Engine, vault: Vault, allowed: Collection[Origin], changed: Callable[[], None]
    ) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            vault: Encrypts headers.
            allowed: What the collector may call.
            changed: Called after each change.
        """
        self._engine = engine
        self._vault = vault
        self._allowed = allowed
        self._changed = changed

    async def page(self, *, limit: int = 100, cursor: str | None = None) -> ForwardPage:
        """
        Return what there is, in the order in which it was made.

        Args:
            limit: How many at most.
            cursor: From the page before.

        Raises:
            InvalidCursor: It is none of this list.
        """
        behind = 0 if cursor is None else read_position(cursor, int)[0]
        rows = await self._engine.read(partial(forwards.list_forwards, limit=limit + 1, behind=behind))
        more, rows = len(rows) > limit, rows[:limit]
        return ForwardPage(
            items=[describe(row) for row in rows], next=write_position(rows[-1].id) if more else None
        )

    async def one(self, number: int) -> Forward:
        """
        Return one.

        Raises:
            NotFound: There is none.
        """
        return describe(await self._engine.read(partial(forwards.get_forward, number=number)))

    async def create(self, new: ForwardIn, visitor: Visitor) -> Forward:
        """
        Begin to deliver something.

        Args:
            new: What, and where to.
            visitor: Who does it.

        Raises:
            UrlRefused: The collector may not call this address.
            InvalidQuery: The query cannot be read.
        """
        values: dict[str, Any] = new.model_dump(exclude={"start"})
        values = await self._checked(values)

        def job(connection: sqlite3.Connection) -> Forward:
            now = time.time_ns()
            position = logs.last_id(connection) if new.start == "now" else 0
            number = forwards.insert_forward(connection, now, position=position, **values)
            audit.note(connection, visitor, now, "forward.create", new.name, id=number, url=new.url)
            return describe(forwards.get_forward(connection, number))

        return await self._write(job)

    async def change(
        self, number: int, patch: ForwardPatch, visitor: Visitor, *, expected: Expected = None
    ) -> Forward:
        """
        Change one; it goes on from where it stands.

        Args:
            number: Its number.
            patch: What changes.
            visitor: Who does it.
            expected: The versions it may have.

        Raises:
            NotFound: There is none.
            StaleVersion: It is none of the versions expected.
            UrlRefused: The collector may not call this address.
            InvalidQuery: The query cannot be read.
        """
        values = await self._checked(patch.model_dump(exclude_unset=True))

        def job(connection: sqlite3.Connection) -> Forward:
            now = time.time_ns()
            row = forwards.get_forward(connection, number)
            check_version(describe(row), expected)
            forwards.update_forward(connection, number, now, last_error=None, **values)
            changed = sorted(values.keys() - {"header_names"})
            audit.note(connection, visitor, now, "forward.change", row.name, id=number, changed=changed)
            return describe(forwards.get_forward(connection, number))

        return await self._write(job)

    async def delete(self, number: int, visitor: Visitor, *, expected: Expected = None) -> None:
        """
        Deliver something no longer.

        Args:
            number: Its number.
            visitor: Who does it.
            expected: The versions it may have.

        Raises:
            NotFound: There is none.
            StaleVersion: It is none of the versions expected.
        """

        def job(connection: sqlite3.Connection) -> None:
            row = forwards.get_forward(connection, number)
            check_version(describe(row), expected)
            forwards.delete_forward(connection, number)
            audit.note(connection, visitor, time.time_ns(), "forward.delete", row.name, id=number)

        await self._write(job)

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        done = await self._engine.write(job, urgent=True)
        self._changed()
        return done

    async def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values as they are stored."""
        if "url" in values:
            check_url(values["url"], self._allowed)
        if "query" in values:
            language.parse(values["query"], now_ns=time.time_ns())
        if "headers" in values:
            headers = values["headers"]
            values["header_names"] = sorted(headers)
            text = msgspec.json.encode(headers).decode()
            values["headers"] = await asyncio.to_thread(self._vault.seal, HEADERS, text) if headers else None
        return values


def describe(row: ForwardRow) -> Forward:
    """Return a row as people see it."""
    facts = row._asdict()
    del facts["headers"]
    last = None if row.last_sent is None else to_datetime(row.last_sent)
    times = {"created": to_datetime(row.created), "changed": to_datetime(row.changed), "last_sent": last}
    return Forward(**{**facts, **times})
