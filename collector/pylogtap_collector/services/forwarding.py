"""
Deliver records to other systems by OTLP, at least once each, from a bookmark that is stored.

One forward does not wait for another. A server that does not answer, is too busy, or wants other headers is
asked again, later each time; records that it refuses for good are told apart from their neighbours by halving
the batch, counted, and passed over.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pylogtap_collector import query as language
from pylogtap_collector.access.vault import SecretUnreadable
from pylogtap_collector.errors import CollectorError, Overloaded
from pylogtap_collector.outgoing.otlp import CONTENT_TYPE, refused_in, request_of
from pylogtap_collector.services.forwards import HEADERS
from pylogtap_collector.storage import forwards, logs
from pylogtap_collector.storage.logs import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.access.vault import Vault
    from pylogtap_collector.models import Log
    from pylogtap_collector.outgoing.requests import Fetched, Outgoing
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.forwards import ForwardRow
    from pylogtap_collector.storage.tiers import Tiers

BATCH = 500  # records of one request
LOOK_S = 1.0  # how often to look for new records
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0
_ALL = 10_000  # more forwards than anybody has
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_FOR_GOOD = frozenset({400, 413, 422})  # it will not take these records, however often they come

_log = logging.getLogger("pylogtap.collector")


class _Outcome(NamedTuple):
    """How many of some records were taken, and how many refused for good."""

    sent: int
    refused: int


class NotDelivered(Exception):
    """
    Nothing can be delivered just now.

    Attributes:
        retry_after_s: When the other side wants to be asked again; None: it does not say.
    """

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        """
        Say why.

        Args:
            why: For people.
            retry_after_s: When to try again.
        """
        super().__init__(why)
        self.retry_after_s = retry_after_s


class Forwarding:
    """Delivers all forwards that are enabled."""

    def __init__(self, engine: Engine, tiers: Tiers, vault: Vault, outgoing: Outgoing) -> None:
        """
        Bind what it needs.

        Args:
            engine: The database.
            tiers: Where records are.
            vault: Decrypts headers.
            outgoing: Makes requests.
        """
        self._engine = engine
        self._tiers = tiers
        self._vault = vault
        self._outgoing = outgoing
        self._changed = asyncio.Event()

    def notice(self) -> None:
        """Hear that the list of forwards has changed."""
        self._changed.set()

    async def run(self, *, look_s: float = LOOK_S, first_wait_s: float = FIRST_WAIT_S) -> None:
        """
        Deliver, until cancelled.

        Args:
            look_s: How often to look for new records.
            first_wait_s: How long to wait after a first failure; doubles each time.
        """
        while True:
            self._changed.clear()
            rows = await self._engine.read(partial(forwards.list_forwards, limit=_ALL))
            works = [self._deliver(row.id, look_s, first_wait_s) for row in rows if row.enabled]
            tasks = [asyncio.create_task(work) for work in works]
            waiting = asyncio.create_task(self._changed.wait())
            try:
                done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (waiting, *tasks):
                    task.cancel()
                await asyncio.gather(waiting, *tasks, return_exceptions=True)
            for task in done - {waiting}:
                task.result()  # it ended, so it failed: the supervisor hears of it

    async def _deliver(self, number: int, look_s: float, first_wait_s: float) -> None:
        wait_s = first_wait_s
        while True:
            row = await self._engine.read(partial(forwards.get_forward, number=number))
            try:
                more = await self.deliver_batch(row)
                wait_s = first_wait_s
                if not more:
                    await asyncio.sleep(look_s)
            except (NotDelivered, CollectorError) as error:
                await self._note(row, str(error))
                asked = getattr(error, "retry_after_s", None)
                await asyncio.sleep(wait_s if asked is None else min(asked, LONGEST_WAIT_S))
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)

    async def deliver_batch(self, row: ForwardRow) -> bool:
        """
        Deliver the next records of a forward.

        Args:
            row: As it stands.

        Returns:
            Whether there may be more at once.

        Raises:
            NotDelivered: Not just now; nothing is passed over.
            CollectorError: Its query or address does not serve any more.
        """
        selection = Selection(language.parse(row.query, now_ns=time.time_ns()))
        found, position = await self._engine.read(
            lambda connection: logs.arrivals(self._tiers, connection, selection, row.position, BATCH)
        )
        if position <= row.position:
            return False
        outcome = await self._send(row, found) if found else _Outcome(0, 0)
        job = partial(
            forwards.advance_forward,
            number=row.id,
            position=position,
            sent=outcome.sent,
            refused=outcome.refused,
            now_ns=time.time_ns(),
        )
        await self._engine.write(job)
        return len(found) == BATCH

    async def _send(self, row: ForwardRow, found: Sequence[Log]) -> _Outcome:
        answer = await self._post(row, found)
        if answer.status < 300:
            refused, _ = refused_in(answer.body)
            return _Outcome(len(found) - min(refused, len(found)), min(refused, len(found)))
        if answer.status in _FOR_GOOD:
            if len(found) == 1:
                return _Outcome(0, 1)
            half = len(found) // 2
            first, second = await self._send(row, found[:half]), await self._send(row, found[half:])
            return _Outcome(first.sent + second.sent, first.refused + second.refused)
        raise NotDelivered(
            f"{row.url} answers with status {answer.status}: {_words(answer)}", _retry_after(answer)
        )

    async def _post(self, row: ForwardRow, found: Sequence[Log]) -> Fetched:
        body = await asyncio.to_thread(_body_of, found)
        headers = {**self._headers(row), "Content-Type": CONTENT_TYPE, "Content-Encoding": "gzip"}
        return await self._outgoing.fetch("POST", row.url, headers=headers, data=body)

    def _headers(self, row: ForwardRow) -> dict[str, str]:
        if row.headers is None:
            return {}
        try:
            return msgspec.json.decode(self._vault.unseal(HEADERS, row.headers), type=dict[str, str])
        except SecretUnreadable as error:
            raise NotDelivered(f"Its headers cannot be decrypted; give them again. ({error})") from error

    async def _note(self, row: ForwardRow, error: str) -> None:
        if error[:500] != row.last_error:
            _log.warning("the forward %s does not get on, and waits: %s", row.name, error)
        with suppress(Overloaded):  # it is said the next time
            await self._engine.write(partial(forwards.note_error, number=row.id, error=error[:500]))


def _body_of(found: Sequence[Log]) -> bytes:
    return gzip.compress(request_of(found), 4)


def _words(answer: Fetched) -> str:
    """Return the beginning of what a server said to people; of a message of protobuf, the text in it."""
    text = answer.body[:1000].decode("utf-8", "replace")
    kind = next((value for name, value in answer.headers.items() if name.lower() == "content-type"), "")
    if "protobuf" in kind:
        text = max(_UNPRINTABLE.split(text), key=len, default="")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]


def _retry_after(answer: Fetched) -> float | None:
    """Read `Retry-After`: seconds, or a date (RFC 9110, 10.2.3)."""
    given = next((value for name, value in answer.headers.items() if name.lower() == "retry-after"), None)
    if given is None:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    except ValueError:
        return None
