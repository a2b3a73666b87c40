"""Labels and units of other protocols' metrics, as ours have them."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from pylogtap_collector.taps.values import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_LABELS = 16
MAX_NAME = 63  # characters
MAX_VALUE = 200
MAX_UNIT = 32
OTHERS = "other_labels"  # stands for those that are too many, so that two series are never taken for one
_DIGEST = 8  # hexadecimal digits
_UNFIT = re.compile(r"[^A-Za-z0-9_./-]+")
_ANNOTATION = re.compile(r"\{[^{}]*\}")
# Units of the UCUM, which OpenTelemetry uses, that people write otherwise (https://ucum.org/ucum).
_UNITS = {
    "By": "bytes", "KiBy": "KiB", "MiBy": "MiB", "GiBy": "GiB", "kBy": "kB", "MBy": "MB", "GBy": "GB",
    "bit": "bits", "Cel": "°C", "us": "µs",
}  # fmt: skip


def labels_of(attributes: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """
    Return attributes as labels, sorted by name, of which there are not too many.

    Args:
        attributes: Of any kind; those without a value are left out.
    """
    pairs = {
        label_name(name): _cut(text_of(value).replace("\0", " "), MAX_VALUE)
        for name, value in sorted(attributes.items())
        if name and value is not None and text_of(value)
    }
    return _limited(tuple(sorted(pairs.items())))


def label_name(text: str) -> str:
    """Return a name that a label can have; what it cannot hold becomes an underscore."""
    found = _UNFIT.sub("_", text)
    return _cut(found if found[0] not in "./-" else f"_{found}", MAX_NAME, "_")


def metric_name(text: str) -> str:
    """Return a name that a metric can have, likewise; empty: there is none."""
    found = _UNFIT.sub("_", text.strip())
    return found if not found or found[0].isalpha() or found[0] == "_" else f"_{found}"


def with_label(labels: tuple[tuple[str, str], ...], name: str, value: str) -> tuple[tuple[str, str], ...]:
    """
    Return labels with one more, in its place.

    Args:
        labels: The others; one of the same name gives way.
        name: Of the new one.
        value: Its value.
    """
    others = [pair for pair in labels if pair[0] != name][: MAX_LABELS - 1]
    return tuple(sorted([*others, (name, value)]))


def unit_of(unit: str) -> str | None:
    """
    Return a unit as people read it; None: it is a plain number.

    Args:
        unit: In the UCUM; annotations, which stand in braces, are left out.
    """
    plain = _ANNOTATION.sub("", unit).replace("\0", "").strip()[: MAX_UNIT // 2]
    if plain in {"", "1"}:
        return None
    of, slash, per = plain.partition("/")
    return _UNITS.get(of, of) + slash + _UNITS.get(per, per)


def _limited(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if len(pairs) <= MAX_LABELS:
        return pairs
    kept, rest = pairs[: MAX_LABELS - 1], pairs[MAX_LABELS - 1 :]
    return with_label(kept, OTHERS, _digest(repr(rest)))


def _cut(text: str, most: int, mark: str = "…") -> str:
    """Return a text of bounded length; two that differ stay different."""
    if len(text) <= most:
        return text
    return f"{text[: most - _DIGEST - 1]}{mark}{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:_DIGEST]
