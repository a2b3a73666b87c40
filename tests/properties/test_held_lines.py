"""Lines that are acknowledged one by one are stored once, whenever the collector is killed."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from pylogtap_collector.access.visitor import local
from pylogtap_collector.ports.delivery import Courier
from pylogtap_collector.ports.gate import Gate
from pylogtap_collector.ports.holding import Holding
from pylogtap_collector.services.counters import Tally
from pylogtap_collector.services.intake import Taken
from pylogtap_collector.settings import Settings
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.joining import Line, Piece
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pylogtap_collector.access.visitor import Visitor

PLACE = Place("shop", "web", "one")
FORMS = [
    "{}",
    '{{"message": "{}"}}',
    "ERROR:root:{}",
    "Traceback (most recent call last):",
    '  File "{}"',
    "KeyError: 1",
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["line", "pieces", "kill", "again"]), st.sampled_from(FORMS), st.integers(0, 1)
    ),
    max_size=25,
)


class Disk:
    """Keeps entries and marks as the database does: both or neither."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.kept: dict[str, str] = {}

    async def take(
        self,
        entries: Sequence[Entry],
        visitor: Visitor,
        *,
        identity: bytes | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> Taken:
        """Keep."""
        self.entries += entries
        self.kept.update(marks or {})
        return Taken(len(entries))

    async def marks(self, beginning: str) -> Mapping[str, str]:
        """Return the marks."""
        return {name: text for name, text in self.kept.items() if text}


async def play(steps: list[tuple[str, str, int]]) -> tuple[list[str], list[str]]:
    """Send lines, killing the collector where that is a step; return what was sent and what is stored."""
    disk, sent, number = Disk(), [], 0
    chunks: dict[int, tuple[Line, bytes]] = {}

    def start() -> Holding:
        default = Settings(data=Path(tempfile.gettempdir()))
        return Holding(Courier(disk, Gate(default, Directory()), Tally()), disk)

    holding = start()
    await holding.start()
    for kind, form, source in steps:
        if kind == "kill":
            holding._ended.set()
            holding = start()
            await holding.start()
        elif kind == "again" and source in chunks:
            assert await holding.take(*chunks[source], local())
        else:
            text = form.format(f"word{number:04}x")
            sent += [f"word{number:04}x"] if "{}" in form else []
            parts = [text] if kind != "pieces" else [text[:3], text[3:6], text[6:]]
            for order, part in enumerate(parts, 1):
                piece = None if kind != "pieces" else Piece(f"id{number}", order, order == len(parts))
                context = Entry(PLACE, "", time_ns=number, fields={"container_id": str(source)})
                line = Line(("tag", source), part, context, exact=True, piece=piece)
                chunks[source] = line, f"{number}.{order}".encode()
                assert await holding.take(*chunks[source], local())
            number += 1
    await holding.stop()
    stored = list(map(_told, disk.entries))
    return sent, stored


def _told(entry: Entry) -> str:
    """Return what an entry says."""
    return entry.message + (entry.exception["stacktrace"] if entry.exception else "")


class Directory:
    """Knows everybody."""

    def visitor(self, key: str | None, session: str | None, address: str, *, may_be_local: bool) -> Visitor:
        """Return somebody of this machine."""
        return local(address)

    def knows(self, visitor: Visitor) -> bool:
        """Tell that he is."""
        return True


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_each_line_is_stored_once(steps: list[tuple[str, str, int]]) -> None:
    """Whatever comes again, in parts, or after a crash."""
    sent, stored = asyncio.run(play(steps))
    assert {word: sum(word in text for text in stored) for word in sent} == dict.fromkeys(sent, 1)
