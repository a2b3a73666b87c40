"""Any value arrives: exactly, or degraded and marked; the caller never notices."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import uuid
from typing import TYPE_CHECKING, Any

import pydantic
import pytest

import pylogtap
from pylogtap import wire
from tests.support.spooled import kept

if TYPE_CHECKING:
    import logging


class Color(enum.Enum):
    """A plain enumeration."""

    RED = 1


class Place(pydantic.BaseModel):
    """A pydantic model with a secret."""

    city: str
    password: str


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    y: tuple[int, ...]


class Raising:
    """Refuses to be shown."""

    def __repr__(self) -> str:
        """Raise."""
        raise RuntimeError("no")


def deep_list(levels: int) -> list[Any]:
    """Return lists within lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def cycle() -> dict[str, Any]:
    """Return a dict that holds itself."""
    value: dict[str, Any] = {"name": "loop"}
    value["self"] = value
    return value


def name_of(value: Any) -> str:
    """Name a test case."""
    return type(value).__name__


EXACT: list[tuple[Any, Any]] = [
    (b"\x00\xff", b"\x00\xff"),
    (-(2**63), -(2**63)),
    ((1, 2), [1, 2]),
    ({3}, [3]),
    (dt.datetime(2026, 11, 23, 4, 5, tzinfo=dt.UTC), "2026-11-23T04:05:00+00:00"),
    (dt.timedelta(seconds=1.5), "0:00:01.500000"),
    (decimal.Decimal("1.10"), "1.10"),
    (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (pathlib.PurePosixPath("/a/b"), "/a/b"),
    (Color.RED, "Color.RED"),
    (Point(1, (2, 3)), {"x": 1, "y": [2, 3]}),
    (Place(city="Ulm", password="x"), {"city": "Ulm", "password": "[redacted]"}),
    (collections.OrderedDict(a=1), {"a": 1}),
    (collections.deque([1]), [1]),
    ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
]
DEGRADED: list[tuple[Any, Any]] = [
    ("\ud800x", "\\ud800x"),
    (2**70, str(2**70)),
    (10**5000, "<int of 16610 bits>"),
    (Raising(), "<Raising: repr raised RuntimeError>"),
    (cycle(), {"name": "loop", "self": "<cycle>"}),
]


@pytest.fixture
def handler(log: logging.Logger) -> pylogtap.Handler:
    """Return a handler on the logger."""
    each = pylogtap.Handler(prefix="shop/checkout/web-1")
    log.addHandler(each)
    return each


@pytest.mark.parametrize(("value", "arrives"), EXACT, ids=name_of)
def test_natural_forms(log: logging.Logger, handler: pylogtap.Handler, value: Any, arrives: Any) -> None:
    """Common types take their natural form, in every record of a call site, and are not marked."""
    for _ in range(2):
        log.info("value", extra={"value": value})

    for each in kept(handler.client.spool):
        assert each.fields == {"value": arrives}
        assert wire.MORE_DEGRADED not in each.more


@pytest.mark.parametrize(("value", "arrives"), DEGRADED, ids=name_of)
def test_degraded_forms(log: logging.Logger, handler: pylogtap.Handler, value: Any, arrives: Any) -> None:
    """What cannot travel as it is arrives as text, and the record names the field."""
    for _ in range(2):
        log.info("value", extra={"value": value, "fine": 1})

    for each in kept(handler.client.spool):
        assert each.fields == {"value": arrives, "fine": 1}
        assert each.more[wire.MORE_DEGRADED] == ["value"]


@pytest.mark.parametrize("value", [value for value, _ in EXACT + DEGRADED], ids=name_of)
def test_as_arguments(log: logging.Logger, handler: pylogtap.Handler, value: Any) -> None:
    """Any value can be an argument of the message, and the text is what Python would have made of it."""
    for _ in range(2):
        log.info("value %s", value)

    found = kept(handler.client.spool)
    assert [each.template for each in found] == ["value %s"] * 2
    assert all(each.message.startswith("value ") for each in found)


def test_deep_nesting(log: logging.Logger, handler: pylogtap.Handler) -> None:
    """Ten thousand levels of nesting end in a mark."""
    log.info("deep", extra={"value": deep_list(10_000)})

    (each,) = kept(handler.client.spool)
    assert "<deeper>" in str(each.fields["value"])
    assert each.more[wire.MORE_DEGRADED] == ["value"]


@pytest.mark.parametrize("place", ["message", "argument", "field"])
def test_fifty_megabytes(log: logging.Logger, handler: pylogtap.Handler, place: str) -> None:
    """A giant text is cut and marked, wherever it stands."""
    giant = "x" * 50_000_000

    for _ in range(2):
        if place == "message":
            log.info(giant)
        elif place == "argument":
            log.info("%s", giant)
        else:
            log.info("giant", extra={"value": giant})

    for each in kept(handler.client.spool):
        assert "50000000 characters" in each.message + str(each.fields)
        assert each.more[wire.MORE_DEGRADED]


def test_many_fields(log: logging.Logger, handler: pylogtap.Handler) -> None:
    """A record with more than a record may hold is cut until it fits, and marked."""
    log.info("many", extra={f"field{number}": "y" * 30_000 for number in range(200)})

    (each,) = kept(handler.client.spool)
    assert each.message == "many"
    assert each.more[wire.MORE_DEGRADED]


def test_changed_after_the_call(log: logging.Logger, handler: pylogtap.Handler) -> None:
    """What is changed after the call does not change the record."""
    cart = ["apple"]
    for _ in range(2):
        log.info("cart %s", cart, extra={"cart": cart})
    cart.append("pear")

    for each in kept(handler.client.spool):
        assert (each.message, each.fields) == ("cart ['apple']", {"cart": ["apple"]})


@pytest.mark.parametrize(
    "message", [{"a": 1}, ValueError("broken"), 17, None, ("a", "b"), Raising()], ids=name_of
)
def test_messages_that_are_no_text(log: logging.Logger, handler: pylogtap.Handler, message: Any) -> None:
    """Anything can be the message."""
    for _ in range(2):
        log.info(message)

    found = kept(handler.client.spool)
    assert len(found) == 2
    if not isinstance(message, Raising):
        assert {each.message for each in found} == {str(message)}


@pytest.mark.parametrize(
    ("template", "args"),
    [("%d", ("x",)), ("%s %s", (1,)), ("%s", (1, 2)), ("%(a)s", ({"b": 1},)), ("100%", (1,))],
)
def test_wrong_formats(
    log: logging.Logger, handler: pylogtap.Handler, template: str, args: tuple[Any, ...]
) -> None:
    """A template that does not fit its arguments arrives with both."""
    for _ in range(2):
        log.info(template, *args)

    for each in kept(handler.client.spool):
        assert each.message.startswith(template)
        assert each.template == template
        assert str(args[0]) in each.message


def test_numbers_of_every_kind_keep_their_type(log: logging.Logger, handler: pylogtap.Handler) -> None:
    """Booleans, integers, floats, NaN and infinities are not mixed up."""
    values = {"t": True, "one": 1, "half": 0.5, "nan": float("nan"), "inf": float("inf"), "none": None}

    log.info("numbers", extra=values)

    (each,) = kept(handler.client.spool)
    assert {name: repr(value) for name, value in each.fields.items()} == {
        n: repr(v) for n, v in values.items()
    }
