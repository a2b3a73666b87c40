"""
What is left of samples that are not kept one by one: a bucket for each minute, hour or step.

Of a gauge it knows count, least, greatest, sum, last value, and a sketch for quantiles. Of a counter it
knows count, last value, how much it has grown since the sample before, and in how long: that sample may be
one of an earlier bucket, so that no growth is lost between two. A counter that is smaller than before has
begun again at 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pylogtap_collector.storage import packing, sketches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap_collector.parts.numbers import Ints, Mask

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_UNITS_US = (1_000_000, 1_000, 1)  # of times: clocks are often read to the millisecond only
_LARGEST = float(np.finfo(np.float64).max)


class Samples(NamedTuple):
    """
    Samples of one series.

    Attributes:
        times: µs since the epoch, growing.
        values: Their values.
    """

    times: Ints
    values: Floats


class Buckets(NamedTuple):
    """
    Buckets of one series, by their times; each attribute has a number for each of them.

    Attributes:
        starts: When they begin, µs since the epoch.
        counts: Samples.
        least: The least value.
        greatest: The greatest value.
        sums: Of the values.
        lasts: Value of the last sample.
        grown: How much a counter has grown.
        spans: In how long, µs.
        sizes: Keys of the sketch; 0: all values are `least`.
        keys: The keys, bucket by bucket.
        weights: How often each occurs.
    """

    starts: Ints
    counts: Ints
    least: Floats
    greatest: Floats
    sums: Floats
    lasts: Floats
    grown: Floats
    spans: Ints
    sizes: Ints
    keys: Ints
    weights: Ints

    def where(self, mask: Mask) -> Buckets:
        """
        Return some of them.

        Args:
            mask: Which.
        """
        inside = np.repeat(mask, self.sizes)
        plain = [column[mask] for column in self[:9]]
        columns: list[Any] = [*plain, self.keys[inside], self.weights[inside]]
        return Buckets(*columns)


def bucketed(samples: Samples, width_us: int, *, counter: bool, before: tuple[int, float] | None) -> Buckets:
    """
    Put samples into buckets.

    Args:
        samples: At least one.
        width_us: Of a bucket, µs.
        counter: Whether they are of a counter.
        before: Time in µs and value of the counter's sample before; None: there is none.
    """
    times, values = samples
    numbers = times // width_us
    groups, firsts = _groups(numbers)
    starts, counts = numbers[firsts] * width_us, np.diff(firsts, append=len(times))
    lasts = values[firsts + counts - 1]
    none, no_keys = np.zeros(len(starts)), np.zeros(0, np.int64)
    zero = np.zeros(len(starts), np.int64)
    if counter:
        since, base = before or (int(times[0]), float(values[0]))
        steps = _growth(values, base)
        grown = np.add.reduceat(steps, firsts)
        spans = np.add.reduceat(np.diff(times, prepend=since), firsts)
        return Buckets(starts, counts, none, none, none, lasts, grown, spans, zero, no_keys, no_keys)
    least, greatest = np.minimum.reduceat(values, firsts), np.maximum.reduceat(values, firsts)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = finite(np.add.reduceat(values, firsts))
    vary = (least != greatest)[groups]
    counted = sketches.count_keys(groups[vary], sketches.keys_of(values[vary]), None, len(starts))
    return Buckets(starts, counts, least, greatest, sums, lasts, none, zero, *counted)


def regroup(parts: Sequence[Buckets], width_us: int) -> Buckets | None:
    """
    Put buckets together into wider ones.

    Args:
        parts: Buckets of the same series.
        width_us: Of the new ones, µs.

    Returns:
        The new ones; None where there are none.
    """
    parts = [part for part in parts if len(part.starts)]
    if not parts:
        return None
    all_of = parts[0] if len(parts) == 1 else Buckets(*map(np.concatenate, zip(*parts, strict=True)))
    wanted = all_of.starts // width_us
    if len(wanted) == 1 or (wanted[1:] > wanted[:-1]).all():
        return all_of._replace(starts=wanted * width_us)
    order = np.argsort(all_of.starts, kind="stable")
    numbers = wanted[order]
    groups, firsts = _groups(numbers)
    ends = np.append(firsts[1:], len(numbers)) - 1
    least = np.minimum.reduceat(all_of.least[order], firsts)
    greatest = np.maximum.reduceat(all_of.greatest[order], firsts)
    with np.errstate(over="ignore", invalid="ignore"):
        sums = finite(np.add.reduceat(all_of.sums[order], firsts))
        grown = finite(np.add.reduceat(all_of.grown[order], firsts))
    group_of = np.empty(len(order), np.int64)
    group_of[order] = groups
    counted = _merged(all_of, group_of, (least != greatest)[group_of], len(firsts))
    return Buckets(
        numbers[firsts] * width_us,
        np.add.reduceat(all_of.counts[order], firsts),
        least,
        greatest,
        sums,
        all_of.lasts[order][ends],
        grown,
        np.add.reduceat(all_of.spans[order], firsts),
        *counted,
    )


def joined(parts: Sequence[Samples]) -> Samples:
    """
    Put samples together; of those of the same time the last one counts.

    Args:
        parts: By the order in which they came.
    """
    times = np.concatenate([part.times for part in parts])
    values = np.concatenate([part.values for part in parts])
    if not (times[1:] > times[:-1]).all():
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
        last = np.append(times[1:] != times[:-1], [True])
        times, values = times[last], values[last]
    return Samples(times, values)


def percentile(buckets: Buckets, share: float) -> Floats:
    """
    Return a quantile of each bucket of a gauge, within 1 %.

    Args:
        buckets: The buckets.
        share: From 0 to 1.
    """
    found = buckets.least.copy()
    vary = buckets.sizes > 0
    if vary.any():
        values = sketches.quantile(share, buckets.sizes[vary], buckets.keys, buckets.weights)
        found[vary] = np.clip(values, buckets.least[vary], buckets.greatest[vary])
    return found


def finite(values: Floats) -> Floats:
    """Return numbers of which those that are too large for a float are the largest that there is."""
    found: Floats = np.nan_to_num(values, nan=0.0, posinf=_LARGEST, neginf=-_LARGEST)
    return found


def pack_samples(samples: Samples, start_us: int) -> bytes:
    """
    Write samples.

    Args:
        samples: At least one.
        start_us: Where their chunk begins.
    """
    times, values = samples
    offsets = times - start_us
    unit = next(unit for unit in _UNITS_US if not (offsets % unit).any())
    first = int(offsets[0])
    steps = packing.whole(np.diff(offsets) // unit)
    return packing.write([len(times), unit, first, steps, packing.fractions(values)])


def unpack_samples(data: bytes, start_us: int) -> Samples:
    """
    Read samples.

    Args:
        data: From :func:`pack_samples`.
        start_us: Where their chunk begins.
    """
    count, unit, first, steps, values = packing.read(data)
    found = np.empty(count, np.int64)
    found[0] = start_us + first
    found[1:] = packing.unpack_whole(steps, count - 1) * unit
    return Samples(np.cumsum(found), packing.unpack_fractions(values, count))


def pack_buckets(buckets: Buckets, start_us: int) -> bytes:
    """
    Write buckets.

    Args:
        buckets: At least one.
        start_us: Where their chunk begins.
    """
    keys = np.diff(buckets.keys, prepend=np.int64(0))
    return packing.write(
        [
            len(buckets.starts),
            len(keys),
            *map(packing.whole, (np.diff(buckets.starts, prepend=np.int64(start_us)), buckets.counts)),
            *map(packing.fractions, buckets[2:7]),
            *map(packing.whole, (buckets.spans, buckets.sizes, keys, buckets.weights)),
        ]
    )


def unpack_buckets(data: bytes, start_us: int) -> Buckets:
    """
    Read buckets.

    Args:
        data: From :func:`pack_buckets`.
        start_us: Where their chunk begins.
    """
    count, size, starts, counts, *rest = packing.read(data)
    fractions: list[Any] = [packing.unpack_fractions(column, count) for column in rest[:5]]
    spans, sizes = (packing.unpack_whole(column, count) for column in rest[5:7])
    keys, weights = (packing.unpack_whole(column, size) for column in rest[7:])
    begins = start_us + np.cumsum(packing.unpack_whole(starts, count))
    columns = [
        begins,
        packing.unpack_whole(counts, count),
        *fractions,
        spans,
        sizes,
        np.cumsum(keys),
        weights,
    ]
    return Buckets(*columns)


def _growth(values: Floats, base: float) -> Floats:
    """Return how much a counter has grown with each sample; one that has begun again grew from 0."""
    with np.errstate(over="ignore"):
        steps = np.diff(values, prepend=base)
    return finite(np.where(steps < 0, np.maximum(values, 0.0), steps))


def _groups(numbers: Ints) -> tuple[Ints, Ints]:
    """Return the group of each of some numbers, of which the same stand together, and where each begins."""
    fresh = np.ones(len(numbers), np.bool_)
    np.not_equal(numbers[1:], numbers[:-1], out=fresh[1:])
    return np.cumsum(fresh) - 1, np.flatnonzero(fresh)


def _merged(buckets: Buckets, groups: Ints, vary: Mask, size: int) -> tuple[Ints, Ints, Ints]:
    """Add sketches up by groups; buckets whose values are all the same say so with their least value."""
    told, alike = np.repeat(vary, buckets.sizes), vary & (buckets.sizes == 0)
    keys = np.concatenate((buckets.keys[told], sketches.keys_of(buckets.least[alike])))
    weights = np.concatenate((buckets.weights[told], buckets.counts[alike]))
    owners = np.concatenate((np.repeat(groups, buckets.sizes)[told], groups[alike]))
    return sketches.count_keys(owners, keys, weights, size)
