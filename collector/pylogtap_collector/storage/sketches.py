"""
Quantiles of numbers that are not kept one by one, right within a hundredth.

DDSketch (source: Masson, Rim, Lee 2019, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
Relative-Error Guarantees", VLDB 12): a number falls into the bucket of its logarithm, and any number of a
bucket is within 1 % of what the bucket stands for. Two sketches are merged by adding their counts. Buckets
have keys that grow with the numbers: negative ones for negative numbers, 0 for 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pylogtap_collector.parts.numbers import Ints

    Floats = np.ndarray[Any, np.dtype[np.float64]]

ERROR = 0.01  # relative, of any quantile
_GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG = math.log(_GAMMA)
_MIDDLE = math.log(2 / (_GAMMA + 1))  # of a bucket, seen from its end
_SHIFT = 40_000  # the logarithm of the smallest float is -37,221 buckets, that of the largest 35,489
KEYS = 1 << 18  # more than there are keys
_LEAST = -(KEYS >> 1)


def keys_of(values: Floats) -> Ints:
    """
    Return the keys of numbers.

    Args:
        values: Finite.
    """
    sizes = np.abs(values)
    with np.errstate(divide="ignore"):
        logs = np.ceil(np.log(sizes) / _LOG)
    logs[sizes == 0] = -_SHIFT
    keys: Ints = np.where(values < 0, -1, 1) * (logs.astype(np.int64) + _SHIFT)
    return keys


def values_of(keys: Ints) -> Floats:
    """
    Return what keys stand for: numbers whose distance to any of their bucket's is at most 1 % of it.

    Args:
        keys: From :func:`keys_of`.
    """
    sizes = np.abs(keys)
    with np.errstate(over="ignore"):
        values = np.exp((sizes - _SHIFT) * _LOG + _MIDDLE)
    found: Floats = np.where(sizes == 0, 0.0, np.sign(keys) * values)
    return found


def count_keys(groups: Ints, keys: Ints, weights: Ints | None, size: int) -> tuple[Ints, Ints, Ints]:
    """
    Count keys in each of some groups.

    Args:
        groups: The number of each key's group.
        keys: The keys.
        weights: How often each occurs; None: once.
        size: How many groups there are.

    Returns:
        How many different keys each group has; the keys, group by group, in their order; their counts.
    """
    codes = groups * KEYS + (keys - _LEAST)
    if weights is None:
        codes = np.sort(codes)
    else:
        order = np.argsort(codes, kind="stable")
        codes, weights = codes[order], weights[order]
    firsts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1]))) if len(codes) else codes[:0]
    if weights is None:
        counts = np.diff(firsts, append=len(codes))
    else:
        counts = np.add.reduceat(weights, firsts) if len(firsts) else weights[:0]
    kept = codes[firsts]
    return np.bincount(kept // KEYS, minlength=size).astype(np.int64), kept % KEYS + _LEAST, counts


def quantile(share: float, sizes: Ints, keys: Ints, counts: Ints) -> Floats:
    """
    Return a quantile of each group: the value of rank ⌊share · (n - 1)⌋, counted from 0, within 1 %.

    Args:
        share: From 0 to 1.
        sizes: How many keys each group has, at least one.
        keys: The keys, group by group, in their order.
        counts: How often each occurs.
    """
    totals = np.cumsum(counts)
    ends = totals[np.cumsum(sizes) - 1]
    numbers = np.diff(ends, prepend=0)
    ranks = ends - numbers + np.floor(share * (numbers - 1)).astype(np.int64)
    return values_of(keys[np.searchsorted(totals, ranks, side="right")])
