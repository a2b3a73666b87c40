"""Whatever is logged arrives: as it was, or marked as degraded; without secrets; and no call ever raises."""

from __future__ import annotations

import datetime as dt
import decimal
import logging
import math
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

import pylogtap
from pylogtap import client as clients
from pylogtap import context, wire
from tests.support.spooled import DEAD_URL, kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.spool import Spool

PREFIX = "shop/checkout/web-1"
SECRET = "swordfish-3141592653"
SECRET_KEYS = ("password", "api_key", "Authorization", "db_password")
UNKNOWN = object()  # stands for: cannot travel as it is


class Raising:
    """Refuses to be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Opaque:
    """Shows itself as nothing in particular."""


def cycle() -> list[Any]:
    """Return a list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.text(st.characters(), max_size=20),  # lone surrogates among them
)
natural = st.one_of(
    st.binary(max_size=20),
    st.datetimes(),
    st.dates(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.timedeltas(),
)
odd = st.one_of(st.builds(Raising), st.builds(Opaque), st.builds(cycle), st.just(Raising))
names = st.text("abcdef", min_size=1, max_size=4)
values = st.recursive(
    st.one_of(plain, natural, odd),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=8,
)


def as_it_travels(value: Any) -> Any:
    """Return what has to arrive for a value that can travel as it is, or UNKNOWN."""
    if value is None or isinstance(value, (bool, float, bytes)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else UNKNOWN
    if isinstance(value, str):
        return value if value == value.encode("utf-8", "replace").decode() else UNKNOWN
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID, dt.timedelta)):
        return str(value)
    if isinstance(value, (list, tuple)) and not any(item is value for item in value):
        items = [as_it_travels(item) for item in value]
        return UNKNOWN if any(item is UNKNOWN for item in items) else items
    if isinstance(value, dict):
        pairs = {name: as_it_travels(item) for name, item in value.items()}
        return UNKNOWN if any(item is UNKNOWN for item in pairs.values()) else pairs
    return UNKNOWN


def formatted(template: str, value: Any) -> Any:
    """Return the message of the standard library, or UNKNOWN where it raises."""
    try:
        return logging.LogRecord("", 0, "", 0, template, (value,), None).getMessage()
    except Exception:  # noqa: BLE001 - the values raise whatever they like
        return UNKNOWN


def same(arrived: Any, expected: Any) -> bool:
    """Tell whether two values are equal and of one type, NaN included."""
    if isinstance(expected, float) and isinstance(arrived, float):
        return arrived == expected or (math.isnan(arrived) and math.isnan(expected))
    if isinstance(expected, list):
        return (
            isinstance(arrived, list) and len(arrived) == len(expected) and all(map(same, arrived, expected))
        )
    if isinstance(expected, dict):
        return (
            isinstance(arrived, dict)
            and list(arrived) == list(expected)
            and all(same(arrived[name], item) for name, item in expected.items())
        )
    return type(arrived) is type(expected) and bool(arrived == expected)


@contextmanager
def fresh_client() -> Iterator[tuple[logging.Logger, pylogtap.Logger, Spool]]:
    """Yield a logger with our handler, our own logger, and the empty spool that both write to."""
    with tempfile.TemporaryDirectory(prefix="any-value-") as folder:
        setting: dict[str, Any] = {"url": DEAD_URL, "spool_dir": Path(folder), "exit_timeout_s": 0}
        handler = pylogtap.Handler(prefix=PREFIX, **setting)
        standard = logging.Logger("any", logging.DEBUG)  # noqa: LOG001 - no test runner adds handlers to it
        standard.addHandler(handler)
        try:
            yield standard, pylogtap.get_logger(PREFIX, console="off", **setting), handler.client.spool
        finally:
            context.clear()
            clients.shutdown()


def assert_field(name: str, value: Any, fields: dict[str, Any], degraded: list[str]) -> None:
    """Check one field: as it was, or named as degraded."""
    expected = as_it_travels(value)
    if expected is UNKNOWN:
        assert name in degraded
        assert name in fields
    else:
        assert same(fields[name], expected)
        assert name not in degraded


@given(st.lists(st.dictionaries(names, values, max_size=4), min_size=1, max_size=6))
def test_fields_arrive_or_are_marked(calls: list[dict[str, Any]]) -> None:
    """Each call of one line of code gives one record with all its fields, by either kind of logger."""
    with fresh_client() as (standard, own, spool):
        for fields in calls:
            standard.info("step", extra=fields)
            own.info("step", **fields)
        records = kept(spool)
    assert len(records) == 2 * len(calls)
    for index, record in enumerate(records):
        assert record.message == "step"
        assert record.fields.keys() == calls[index // 2].keys()
        for name, value in calls[index // 2].items():
            assert_field(name, value, record.fields, record.more.get(wire.MORE_DEGRADED, []))


@given(st.lists(values, min_size=1, max_size=6))
def test_messages_arrive_formatted_as_the_standard_library_would(calls: list[Any]) -> None:
    """The finished message is what `%` gives, unless that raises or cannot be stored; then it is marked."""
    with fresh_client() as (standard, _, spool):
        for value in calls:
            standard.info("got %s", value)
        records = kept(spool)
    assert len(records) == len(calls)
    for value, record in zip(calls, records, strict=True):
        text = formatted("got %s", value)
        if as_it_travels(text) is UNKNOWN:
            assert "message" in record.more[wire.MORE_DEGRADED]
        else:
            assert record.message == text


secret_values = st.recursive(
    st.one_of(plain, st.sampled_from(SECRET_KEYS).map(lambda key: {key: SECRET})),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(names, inner, max_size=3),
        st.dictionaries(st.sampled_from(SECRET_KEYS), inner.map(lambda _: SECRET), max_size=2),
    ),
    max_leaves=6,
)


@given(st.lists(secret_values, min_size=1, max_size=6))
def test_secrets_under_telling_keys_never_reach_the_spool(calls: list[Any]) -> None:
    """Wherever a mapping with a secret key stands, its value is not in the segment's bytes."""
    with fresh_client() as (standard, own, spool):
        for value in calls:
            standard.info("got %s", value)
            standard.info("got", extra={"a": value, "password": SECRET})
            own.info("got", a=value, api_key=SECRET)
            own.bind(a=value, password=SECRET).info("bound")
            with pylogtap.bound_fields(a=value, password=SECRET):
                standard.info("around")
        records = kept(spool)
        raw = bytes(spool.current.memory)
    assert len(records) == 5 * len(calls)
    assert SECRET.encode() not in raw
