"""
Lines that are acknowledged one by one, and yet may belong together.

Docker's driver waits for the acknowledgement of a line before it sends the next one, so a traceback cannot
wait in memory: what was acknowledged would be lost with the process. Lines that may go on are stored as a
bookmark of their source, in the same transaction as the records before them, and become a record when a line
comes that does not belong to them, or after a while; after a crash, when the collector is back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.joining import FLUSH_NS, Joiner, Line, Piece
from pylogtap_collector.taps.parts import in_parts
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from pylogtap_collector.access.visitor import Projects
    from pylogtap_collector.ports.delivery import Courier, Intake

MARK = "forward:"  # how the names of its bookmarks begin
FORGET_S = 600.0  # how long the last message of a source is known, so that it is not stored twice
MAX_HELD = 10_000  # sources
_MAX_LINES = 100  # of one record; each of them is written again with the next
_MAX_SIZE = 256 << 10  # characters of them
_LOOK_S = 0.25
_DELIVER = frozenset({Right.DELIVER})


@dataclass(slots=True)
class _Held:
    """Lines of one source that may go on, and its last message."""

    projects: Projects
    lines: list[Line] = field(default_factory=list)
    chunk: str = ""
    touched_ns: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def visitor(self) -> Visitor:
        """Return who may deliver what whoever sent the lines might."""
        if self.projects is None:
            return Visitor("collector", "forward", everywhere=_DELIVER)
        return Visitor("collector", "forward", projects=dict.fromkeys(self.projects, _DELIVER))


class Holding:
    """Holds such lines, for all connections: a sender that missed an acknowledgement comes by another one."""

    def __init__(self, courier: Courier, intake: Intake) -> None:
        """
        Bind what it needs.

        Args:
            courier: Delivers.
            intake: Knows the bookmarks.
        """
        self._courier = courier
        self._intake = intake
        self._held: dict[str, _Held] = {}
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        """Whether lines of another source can be held."""
        return len(self._held) < MAX_HELD

    async def start(self) -> None:
        """Take up what was held when the collector ended, and look after it from now on."""
        now_ns = time.time_ns()
        for name, text in (await self._intake.marks(MARK)).items():
            self._held[name] = held = _unpacked(text)
            held.touched_ns = now_ns
        self._task = asyncio.get_running_loop().create_task(self._look_after())

    async def stop(self) -> None:
        """Store all that is held as what it is, if there is room; else it is held on the disk."""
        self._ended.set()
        if self._task is not None:
            await self._task
        for name, held in list(self._held.items()):
            await self._release(name, held, time.time_ns())

    async def take(self, line: Line, chunk: bytes, visitor: Visitor) -> bool:
        """
        Take a line; when this returns, it is on the disk.

        Args:
            line: Of a container.
            chunk: The id of its message; a source that sends it again has missed the acknowledgement.
            visitor: Who sends it.

        Returns:
            Whether it is; else the collector ends.
        """
        name = MARK + hashlib.sha256(repr(line.source).encode()).hexdigest()[:32]
        held = self._held.setdefault(name, _Held(None))
        async with held.lock:
            self._held[name] = held  # it may have been forgotten meanwhile
            text = chunk.decode("utf-8", "backslashreplace")
            if held.chunk == text:
                return True
            now_ns = time.time_ns()
            joiner, entries, open_ = Joiner(), list[Entry](), list[Line]()
            for each in (*held.lines, line):
                found = joiner.take(_copy(each), now_ns)
                entries += found
                open_ = [*(_still_open(open_, each) if found else open_), each]
            if len(open_) >= _MAX_LINES or sum(len(each.text) for each in open_) >= _MAX_SIZE:
                entries, open_ = [*entries, *joiner.flush()], []
            after = _Held(visitor.where(Right.DELIVER), open_, text, now_ns)
            try:
                if not await self._deliver(name, entries, after, chunk):
                    return False
            except BaseException:
                del self._held[
                    name
                ]  # it may be stored or not: the disk knows, and is asked at the next start
                raise
            held.projects, held.lines, held.chunk, held.touched_ns = after.projects, open_, text, now_ns
            return True

    async def _look_after(self) -> None:
        while not await self._is_ended():
            now_ns = time.time_ns()
            for name, held in list(self._held.items()):
                if held.lines and held.touched_ns + FLUSH_NS <= now_ns:
                    await self._release(name, held, now_ns - FLUSH_NS)
                elif not held.lines and held.touched_ns + FORGET_S * 1e9 <= now_ns:
                    await self._forget(name, held)

    async def _is_ended(self) -> bool:
        try:
            async with asyncio.timeout(_LOOK_S):
                return await self._ended.wait()
        except TimeoutError:
            return False

    async def _release(self, name: str, held: _Held, latest_ns: int) -> None:
        """Store lines as what they are, unless another one has come just now."""
        async with held.lock:
            if not held.lines or held.touched_ns > latest_ns:
                return
            joiner, entries = Joiner(), list[Entry]()
            for line in held.lines:
                entries += joiner.take(_copy(line), latest_ns)
            after = _Held(held.projects, [], held.chunk)
            if await self._deliver(name, [*entries, *joiner.flush()], after, None):
                held.lines = []

    async def _forget(self, name: str, held: _Held) -> None:
        async with held.lock:
            if not held.lines and await self._courier.deliver([], held.visitor(), marks={name: ""}):
                self._held.pop(name, None)

    async def _deliver(self, name: str, entries: list[Entry], after: _Held, identity: bytes | None) -> bool:
        """Store entries, and with them what is held after that: both or neither."""
        parts = [part for entry in entries for part in in_parts(entry)]
        return await self._courier.deliver(parts, after.visitor(), identity, marks={name: _packed(after)})


def _still_open(lines: list[Line], last: Line) -> list[Line]:
    """Return those of some lines that are no record yet, although the last one has completed one."""
    ended = {line.piece.id for line in lines if line.piece is not None and line.piece.last}
    if last.piece is not None:
        ended.discard(last.piece.id)
    return [line for line in lines if line.piece is not None and line.piece.id not in ended]


def _copy(line: Line) -> Line:
    """Return a line that a joiner may change."""
    return Line(line.source, line.text, line.context, line.exact, line.piece)


def _packed(held: _Held) -> str:
    lines = [
        [line.source, line.text, line.context.place, line.context.time_ns, line.context.logger,
         line.context.fields, line.exact, line.piece]
        for line in held.lines
    ]  # fmt: skip
    return json.dumps([None if held.projects is None else sorted(held.projects), held.chunk, lines])


def _unpacked(text: str) -> _Held:
    projects, chunk, lines = json.loads(text)
    return _Held(None if projects is None else frozenset(projects), [_line(parts) for parts in lines], chunk)


def _line(parts: list[Any]) -> Line:
    source, text, place, time_ns, logger, fields, exact, piece = parts
    context = Entry(Place(*place), "", time_ns=time_ns, logger=logger, fields=fields)
    return Line(tuple(source), text, context, exact, None if piece is None else Piece(*piece))
