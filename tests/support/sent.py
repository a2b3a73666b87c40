"""Records as clients send them, drawn by Hypothesis; parts made of them, in memory and sealed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from pylogtap import wire
from pylogtap_collector.parts.building import build
from pylogtap_collector.parts.part import Part
from pylogtap_collector.parts.reading import SegmentReader
from pylogtap_collector.parts.sealing import Loader, decompress, read_summary, seal
from pylogtap_collector.parts.sites import CallSites, Patterns
from pylogtap_collector.wire import Definitions
from tests.support.queries import KEYS, NAMES, VALUES, WORDS, text
from tests.support.segments import SegmentBuilder

if TYPE_CHECKING:
    from pylogtap_collector.parts.faces import Form, Source

RECEIVED = 10**15 + 7
TEMPLATES = [
    "card %s declined", "user_%s", "%sms", "%s%s", "plain card", "100 %% of %d", "card %r", "%(card)s é%(b)s",
    "%5.1f|%x", "straße %s", "%s", "%y", "card%s_1 %s", "user_%s4 %s-%s", "%s declined", "日本%s", "İ%s",
]  # fmt: skip
words = st.lists(
    st.sampled_from([*WORDS, "deadbeef01", "0", "007", "\x01", "\x02n", "a\nb"]), max_size=2
).map(" ".join)
scalars = (
    words | st.sampled_from(VALUES) | st.integers(-(2**63), 2**64 - 1) | st.integers(0, 50) | st.booleans()
    | st.none() | st.floats() | st.floats(0, 9).map(lambda number: round(number, 2))
)  # fmt: skip
values = st.recursive(
    scalars | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=2),
    max_leaves=4,
)
arguments = (
    st.none()
    | st.lists(scalars, max_size=3)
    | st.lists(words, min_size=1, max_size=3)
    | st.dictionaries(st.sampled_from(["card", "b"]), scalars, max_size=2)
    | words
)
more = st.none() | st.fixed_dictionaries(
    {},
    optional={
        wire.MORE_EXCEPTION: st.fixed_dictionaries(
            {"type": st.sampled_from(["ValueError", "card"]), "message": text, "stacktrace": st.just("s")},
            optional={"arguments": st.dictionaries(words, words, max_size=1)},
        ),
        wire.MORE_MESSAGE: text,
        wire.MORE_TRACE: st.sampled_from(NAMES),
        wire.MORE_SPAN: st.sampled_from(NAMES),
        wire.MORE_THREAD: st.sampled_from([1, 2]),
        wire.MORE_STACK: text,
        wire.MORE_DEGRADED: st.lists(st.sampled_from(KEYS), max_size=1),
        wire.MORE_TEST: st.sampled_from(NAMES),
    },
)
times = (
    st.integers(0, 20).map(lambda number: 10**15 + number * 500)
    | st.integers(0, 20).map(lambda number: 10**6 + number / 1e6)
    | st.sampled_from([-1, 2**64 - 1, float("nan"), float("inf"), -0.5, 0])
)


@dataclass
class Sent:
    """
    Segments as they were sent, slice by slice.

    Attributes:
        slices: Segment's number, and the slice.
        records: How many records each slice holds.
    """

    slices: list[tuple[int, bytes]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)


@st.composite
def sent(draw: Any, most: int = 12) -> Sent:
    """Draw some segments, cut into slices."""
    result = Sent()
    for number in range(draw(st.integers(1, 2))):
        segment = SegmentBuilder(f"{draw(st.sampled_from(NAMES))}/{draw(st.sampled_from(NAMES))}/i")
        segment.thread(1, draw(st.sampled_from(NAMES)))
        known = [
            segment.site(
                template,
                level=draw(st.sampled_from(["info", "WARNING", "notice", "error"])),
                severity=draw(st.integers(0, 24)),
                logger=draw(st.sampled_from(["", "pay", "pay.card"])),
                style=draw(st.sampled_from([wire.STYLE_PERCENT] * 3 + [wire.STYLE_EVENT]))
                if template is not None
                else wire.STYLE_TEXT,
            )
            for template in draw(st.lists(st.sampled_from([*TEMPLATES, None]), min_size=1, max_size=4))
        ]
        start = wire.HEADER_SIZE
        count = 0
        for _ in range(draw(st.integers(1, most))):
            segment.record(
                draw(st.sampled_from([*known, *known, 99])),
                draw(arguments),
                draw(st.none() | st.dictionaries(st.sampled_from(KEYS), values, max_size=3)),
                draw(more),
                when=draw(times),
            )
            count += 1
            if draw(st.integers(0, 5)) == 0:
                result.slices.append((number, segment.slice(start)))
                result.records.append(count)
                start, count = segment.end, 0
        if count:
            result.slices.append((number, segment.slice(start)))
            result.records.append(count)
    return result


class Dictionary:
    """Numbers sources and forms, in memory."""

    def __init__(self) -> None:
        self._sources: list[Source] = []
        self._forms: list[Form] = []

    def source_ids(self, sources: Any) -> list[int]:
        """Return the number of each source."""
        return [self._number(self._sources, source) for source in sources]

    def form_ids(self, forms: Any) -> list[int]:
        """Return the number of each form."""
        return [self._number(self._forms, form) for form in forms]

    def sources(self, ids: Any) -> tuple[Source, ...]:
        """Return sources by their numbers."""
        return tuple(self._sources[number] for number in ids)

    def forms(self, ids: Any) -> tuple[Form, ...]:
        """Return forms by their numbers."""
        return tuple(self._forms[number] for number in ids)

    @staticmethod
    def _number(known: list[Any], thing: Any) -> int:
        if thing not in known:
            known.append(thing)
        return known.index(thing)


def part_of(found: Sent, skip: Any = ()) -> Part:
    """Make a part in memory."""
    sites = CallSites(Patterns())
    readers: dict[int, SegmentReader] = {}
    batches = []
    for place, (segment, data) in enumerate(found.slices, 1):
        reader = readers.setdefault(segment, SegmentReader(Definitions(), sites))
        batches.append(reader.read(place, RECEIVED + place, data, ""))
    return build(batches, skip)


def sealed(part: Part, level: int = 1) -> tuple[Part, bytes]:
    """Return a part as it is read back, and its filter."""
    dictionary = Dictionary()
    written = seal(part, dictionary, level=level)
    summary = read_summary(written.summary, dictionary)

    def fetch(name: str) -> list[bytes]:
        spans = summary.places[name]
        return [decompress(written.data[begin:end]) for begin, end in spans]

    return Part(summary.head, Loader(summary, fetch), written.bloom), written.bloom
