"""Values of metrics that our own clients ship among their records: `pylogtap.wire.KIND_SAMPLES`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import msgspec

from pylogtap_collector.taps.entries import Point, PointKind
from pylogtap_collector.wire import UNREADABLE, Place, decode_samples

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# As the API has them, see models/metrics.py.
_MOST = 1_000  # samples of one payload
_MOST_LABELS = 16
_END_NS = 1 << 63  # the database counts in 63 bits
_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.:/-]{0,199}\Z")]
_Unit = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
_LabelKey = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,62}\Z")]
_LabelValue = Annotated[str, msgspec.Meta(max_length=200)]


class _Sample(msgspec.Struct, array_like=True, gc=False):
    name: _Name
    value: float
    unit: _Unit | None = None
    kind: PointKind = "gauge"
    labels: dict[_LabelKey, _LabelValue] | None = None


_decode_sample = msgspec.msgpack.Decoder(_Sample).decode


def points_of(payloads: Iterable[bytes]) -> list[Point]:
    """
    Return the points in payloads; what cannot be read, or is no sound value, is left out.

    Args:
        payloads: Each of the kind KIND_SAMPLES.
    """
    return [point for payload in payloads for point in _points(payload)]


def _points(payload: bytes) -> Iterator[Point]:
    try:
        found = decode_samples(payload)
    except UNREADABLE:
        return
    if not 0 <= found.time < _END_NS:
        return
    place = Place.parse(found.place)
    for raw in found.samples[:_MOST]:
        try:
            sample = _decode_sample(raw)
        except UNREADABLE:
            continue
        if _is_sound(sample):
            labels = tuple(sorted((sample.labels or {}).items()))
            yield Point(place, sample.name, sample.value, found.time, sample.unit, sample.kind, labels)


def _is_sound(sample: _Sample) -> bool:
    labels = sample.labels or {}
    texts = [sample.unit or "", *labels.values()]
    return math.isfinite(sample.value) and len(labels) <= _MOST_LABELS and all(map(str.isprintable, texts))
