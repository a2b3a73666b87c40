"""The store as a state machine: whatever happens to it, it answers as a plain list of what was sent would."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pylogtap import wire
from pylogtap_collector.access.visitor import local
from pylogtap_collector.assembly import Collector
from pylogtap_collector.models import LogPatch
from pylogtap_collector.parts.building import build
from pylogtap_collector.parts.reading import SegmentReader
from pylogtap_collector.parts.rows import logs_of
from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.query import parse
from pylogtap_collector.settings import Settings
from pylogtap_collector.storage import hot, recent, sealing
from pylogtap_collector.storage.logs import Selection
from pylogtap_collector.wire import Definitions
from tests.support.answers import all_pages, check_counts, check_places, check_rows
from tests.support.queries import KEYS, NAMES, nodes
from tests.support.segments import SegmentBuilder
from tests.support.sent import TEMPLATES, arguments, more, times, values

if TYPE_CHECKING:
    from pylogtap_collector.models import Log
    from pylogtap_collector.query import Query

HOUR_NS = 3_600 * 10**9
NOW_NS = 10**18
STEPS = [
    (sealing, "insert_block"), (sealing, "count_part"), (sealing, "forget_slices"), (sealing, "delete_block"),
    (sealing, "count_records"), (sealing, "forget_annotations"), (sealing, "forget_rows"),
    (recent, "insert_rows"),
]  # fmt: skip
fields = st.dictionaries(
    st.sampled_from(KEYS), values | st.sampled_from(["card\ndeclined " * 100, "é" * 300]), max_size=3
)
when = times | st.tuples(st.integers(0, 20), st.integers(0, 5)).map(
    lambda late: 10**15 + late[0] * 500 - late[1] * HOUR_NS
)
record = st.tuples(st.integers(0, 5), arguments, st.none() | fields, more, when)
site = st.tuples(
    st.sampled_from([*TEMPLATES, None]),
    st.sampled_from(["info", "WARNING", "notice", "error"]),
    st.integers(0, 24),
)


class Oops(Exception):
    """Stands for the moment at which everything ends."""


class Sender:
    """A program that logs: its segment, and what of it was delivered."""

    def __init__(self, number: int, prefix: str) -> None:
        self.segment = SegmentBuilder(prefix, number.to_bytes(16))
        self.segment.thread(1, "worker")
        self.sites: list[int] = [99]  # one that nothing defines
        self.start = wire.HEADER_SIZE
        self.reader = SegmentReader(Definitions(), CallSites(Patterns()))


class StoreMachine(RuleBasedStateMachine):
    """
    Delivers, seals, writes rows, deletes, annotates, restarts and crashes in any order.

    The model is a list of records as each slice, read by itself, has them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._exits = ExitStack()
        self._folder = self._exits.enter_context(tempfile.TemporaryDirectory(prefix="store-machine-"))
        self._patch = pytest.MonkeyPatch()
        self._exits.callback(self._patch.undo)
        self._runner = self._exits.enter_context(asyncio.Runner())
        self._patch.setattr(hot, "CHUNK", 4)
        self._patch.setattr(sealing, "BLOCK", 7)
        self.senders: list[Sender] = []
        self.model: dict[int, tuple[int, Log]] = {}  # time in ns, record; by its id
        self.store: Collector | None = None

    @initialize()
    def open(self) -> None:
        """Start a collector whose background tasks stand still: each step is one that was asked for."""
        self.store = Collector(Settings(data=Path(self._folder), recent_records=1_000))
        self._running = self.store.running()
        self._runner.run(self._running.__aenter__())
        self._runner.run(self.store.tasks.stop())

    def _close(self) -> None:
        self._runner.run(self._running.__aexit__(None, None, None))

    @property
    def _tiers(self) -> Any:
        assert self.store is not None
        return self.store.keeper._tiers

    @rule(
        number=st.integers(0, 3),
        prefix=st.sampled_from(NAMES).map(lambda name: f"{name}/s/i"),
        site=site,
        records=st.lists(record, min_size=1, max_size=9),
        again=st.booleans(),
    )
    def deliver(self, number: int, prefix: str, site: Any, records: Any, *, again: bool) -> None:
        """Deliver further records of a program, or of a new one; sometimes the answer is lost."""
        assert self.store is not None
        if number >= len(self.senders):
            self.senders.append(Sender(len(self.senders), prefix))
        sender = self.senders[min(number, len(self.senders) - 1)]
        segment, start = sender.segment, sender.start
        template, level, severity = site
        style = wire.STYLE_TEXT if template is None else wire.STYLE_PERCENT
        sender.sites.append(segment.site(template, level=level, severity=severity, style=style))
        for place, args, attributes, further, moment in records:
            segment.record(
                sender.sites[-1 - place % len(sender.sites)], args, attributes, further, when=moment
            )
        data, sender.start = segment.slice(start), segment.end
        for _ in range(1 + again):
            accept = self.store.services.ingest.accept(segment.identity, start, data, encoding=None)
            assert self._runner.run(accept).next == segment.end
        slice_, received = self._ask(
            lambda connection: connection.execute("SELECT max(id), received FROM hot").fetchone()
        )
        part = build([sender.reader.read(slice_, received, data, "")])
        order = part.ids.argsort()
        for time, log in zip(part.times[order].tolist(), logs_of(part, order), strict=True):
            self.model[log.id] = time, log

    @rule()
    def seal(self) -> None:
        """Seal all that makes a block."""
        assert self.store is not None
        while self._runner.run(self.store.keeper.seal(spare=0)):
            pass

    @rule()
    def write_rows(self) -> None:
        """Write rows for people."""
        assert self.store is not None
        self._runner.run(self.store.keeper.write_rows())

    @rule(tree=nodes)
    def delete(self, tree: Any) -> None:
        """Delete what a query finds."""
        assert self.store is not None
        expected = self._matching(parse(str(tree), now_ns=NOW_NS))
        deleted = self._runner.run(self.store.services.logs.delete(str(tree), local()))
        assert deleted.deleted == len(expected)
        for log_id in expected:
            del self.model[log_id]

    @precondition(lambda self: self.model)
    @rule(
        place=st.integers(0, 100),
        team=st.sampled_from(["card", "7"]) | st.none(),
        note=st.none() | st.just("a b"),
    )
    def annotate(self, place: int, team: str | None, note: str | None) -> None:
        """Put a label and a note on a record, or take them away."""
        assert self.store is not None
        log_id = sorted(self.model)[place % len(self.model)]
        patch = LogPatch(labels={"team": team}, note=note)
        log = self._runner.run(self.store.services.notes.annotate(log_id, patch, local()))
        time, known = self.model[log_id]
        labels = {} if team is None else {"team": team}
        self.model[log_id] = time, known.model_copy(update={"labels": labels, "note": note})
        assert repr(log) == repr(self.model[log_id][1])

    @rule()
    def restart(self) -> None:
        """Stop and start again."""
        self._close()
        self.open()

    @rule(step=st.sampled_from(STEPS), tree=nodes, reopen=st.booleans())
    def crash(self, step: tuple[Any, str], tree: Any, *, reopen: bool) -> None:
        """Have one step of whatever comes to it fail; what was going on is done later, or by the next run."""

        def fail(*_: object) -> None:
            raise Oops

        assert self.store is not None
        matching = self._matching(parse(str(tree), now_ns=NOW_NS))
        with self._patch.context() as patch:
            patch.setattr(*step, fail)
            for job in (self.seal, self.write_rows):
                try:
                    job()
                except Oops:
                    break
            else:
                with suppress(Oops):
                    self._runner.run(self.store.services.logs.delete(str(tree), local()))
        if reopen:
            self.restart()
        left = {log.id for log in self._page(parse(""), "asc")}
        assert self.model.keys() - left <= set(matching)
        assert left <= self.model.keys()
        self.model = {log_id: self.model[log_id] for log_id in self.model if log_id in left}

    @rule(tree=nodes, since=st.integers(0, 24), length=st.integers(1, 24), open_end=st.booleans())
    def ask(self, tree: Any, since: int, length: int, *, open_end: bool) -> None:
        """Ask for pages, counts, patterns and facets of a query, in a stretch of time or at all times."""
        query = parse(str(tree), now_ns=NOW_NS)
        start = 10**15 + since * 500
        bounds = (None, None) if open_end else (start, start + length * 500)
        self._compare(query, *bounds)

    @invariant()
    def everything_is_there(self) -> None:
        """Without a condition, all records are found once, and places count them."""
        if self.store is not None:
            self._compare(parse("", now_ns=NOW_NS), None, None)
            self._ask(lambda connection: check_places(self._tiers, connection, self.model))
            self._ask(lambda connection: check_rows(connection, self.model))

    def _compare(self, query: Query, since: int | None, until: int | None) -> None:
        wanted = [self.model[log_id] for log_id in self._matching(query)]
        wanted = [
            (time, log)
            for time, log in wanted
            if (since is None or time >= since) and (until is None or time < until)
        ]
        wanted.sort(key=lambda found: (found[0], found[1].id))
        expected = [repr(log) for _, log in wanted]
        assert [repr(log) for log in self._page(query, "asc", since, until)] == expected
        assert [repr(log) for log in self._page(query, "desc", since, until)] == expected[::-1]
        self._ask(
            lambda connection: check_counts(self._tiers, connection, Selection(query, since, until), wanted)
        )

    def _matching(self, query: Query) -> list[int]:
        return [log_id for log_id, (_, log) in self.model.items() if query.matches(log)]

    def _page(
        self, query: Query, order: Any, since: int | None = None, until: int | None = None
    ) -> list[Log]:
        selection = Selection(query, since, until)
        found: list[Log] = self._ask(lambda connection: all_pages(self._tiers, connection, selection, order))
        return found

    def _ask(self, job: Any) -> Any:
        assert self.store is not None
        return self._runner.run(self.store.engine.read(job, timeout_s=60))

    def teardown(self) -> None:
        """Start once more, and look whether the file is sound."""
        with self._exits:
            if self.store is not None:
                self._exits.callback(self._close)
                self.restart()
                self.everything_is_there()
                found = self._ask(lambda connection: connection.execute("PRAGMA integrity_check").fetchone())
                assert found == ("ok",)


class LongStoreMachine(StoreMachine):
    """The same, for long."""


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestLongStoreMachine = pytest.mark.slow(pytest.mark.timeout(1_800)(LongStoreMachine.TestCase))
TestLongStoreMachine.settings = settings(max_examples=400, stateful_step_count=50, deadline=None)
