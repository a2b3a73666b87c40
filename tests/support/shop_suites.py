"""What the tests of a small shop said in many runs, told as its runners would: one of the runs goes on."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from pylogtap import wire
from pylogtap.cases.identity import case_id
from tests.support.segments import SegmentBuilder
from tests.support.told_suites import told

HOUR_NS = 3_600_000_000_000
SECOND_NS = 1_000_000_000
RUNS = 24
NEW, STILL, FLAKY, FIXED, SLOWER = (
    "tests/test_cart.py::TestCart::test_total[eur]",
    "tests/test_refund.py::test_refund_is_booked_once",
    "tests/test_stock.py::test_reservation_expires",
    "tests/test_mail.py::test_receipt_is_sent",
    "tests/test_search.py::test_suggestions",
)
STACK = """    def test_total(self, currency):
        cart = Cart(currency)
        cart.add("tea", cents=450, count=2)
>       assert cart.total() == 900
E       AssertionError: assert 909 == 900
E        +  where 909 = total()
E        +    where total = <Cart eur, 1 line>.total

tests/test_cart.py:41: AssertionError"""
FAILURE = {
    "type": "AssertionError",
    "message": "assert 909 == 900\n +  where 909 = total()\n +    where total = <Cart eur, 1 line>.total",
    "stacktrace": STACK,
    "file": "tests/test_cart.py",
    "line": 41,
}
REFUND = {
    "type": "sqlalchemy.exc.IntegrityError",
    "message": 'duplicate key value violates unique constraint "refund_order_key" (order 1042)',
    "stacktrace": "tests/test_refund.py:19: in test_refund_is_booked_once\n    book(order)\nrefund.py:88",
    "file": "shop/refund.py",
    "line": 88,
}
TIMEOUT = {
    "type": "TimeoutError",
    "message": "the reservation of order 77 was still there after 2.0 s",
    "stacktrace": "tests/test_stock.py:64: in test_reservation_expires\n    wait_until(gone, timeout=2.0)",
    "file": "tests/test_stock.py",
    "line": 64,
}


class ToldRun(SegmentBuilder):
    """A segment in which a runner tells of a run."""

    def __init__(self, run: str, prefix: str) -> None:
        """
        Begin.

        Args:
            run: The run's id.
            prefix: Where it belongs.
        """
        super().__init__(prefix)
        self.run = run

    def tell(self, event: int, facts: dict[str, Any], *, when: int) -> None:
        """
        Append an event.

        Args:
            event: One of `wire.TEST_*`.
            facts: What it tells.
            when: Ns since the epoch.
        """
        self.put(told(event, facts, when=when, place=self.prefix, run=self.run))


@dataclass(frozen=True)
class _Ended:
    """How a case ended."""

    outcome: str
    duration: float
    failure: dict[str, Any] | None = None


def shop_suites(now_ns: int | None = None) -> list[SegmentBuilder]:
    """
    Return all that is told: 24 runs of three services, the newest of `storefront` still running.

    Args:
        now_ns: When they end, ns since the epoch; default: now.
    """
    now = time.time_ns() if now_ns is None else now_ns
    checkout = [_checkout(now, age) for age in reversed(range(RUNS))]
    payments = [_plain(now, age, "shop/payments/tests", _PAYMENTS, 12) for age in reversed(range(RUNS))]
    older = [_plain(now, age, "shop/storefront/tests", _STOREFRONT, 9) for age in reversed(range(1, RUNS))]
    return [*checkout, *payments, *older, running_suite(now), _lines(now)]


def run_of(service: str, age: int) -> str:
    """Return the id of a run: 0 is the newest."""
    return hashlib.blake2b(f"{service} {age}".encode(), digest_size=16).hexdigest()


def running_suite(now_ns: int) -> ToldRun:
    """Return a run of the storefront that has come half its way."""
    suite = ToldRun(run_of("storefront", 0), "shop/storefront/tests")
    begun = now_ns - 42 * SECOND_NS
    facts = {**_facts(now_ns, 0, "jest"), "collected": 9}
    suite.tell(wire.TEST_BEGIN, facts, when=begun)
    for index, node in enumerate(_STOREFRONT[:5]):
        _tell(suite, node, _Ended("passed", 3.0 + index), begun + (1 + 5 * index) * SECOND_NS)
    for index, node in enumerate(_STOREFRONT[5:7]):
        facts = {
            "id": case_id(suite.run, node),
            "node": node,
            "started": now_ns - (7 + 5 * index) * SECOND_NS,
        }
        suite.tell(wire.TEST_START, facts, when=now_ns)
    return suite


def _checkout(now: int, age: int) -> ToldRun:
    suite = ToldRun(run_of("checkout", age), "shop/checkout/tests")
    begun = now - age * 9 * HOUR_NS - 180 * SECOND_NS
    ends = {node: _checkout_end(node, age) for node in _CHECKOUT}
    suite.tell(wire.TEST_BEGIN, {**_facts(now, age), "collected": len(ends)}, when=begun)
    moment = begun
    for node, end in ends.items():
        _tell(suite, node, end, moment, **_more(node, age))
        moment += int(end.duration * SECOND_NS)
    bad = any(end.outcome in {"failed", "error"} for end in ends.values())
    facts = {
        "outcome": "failed" if bad else "passed",
        "exit": int(bad),
        "duration": (moment - begun) / SECOND_NS,
    }
    suite.tell(wire.TEST_END, facts, when=moment)
    return suite


def _checkout_end(node: str, age: int) -> _Ended:
    steady = 0.04 + int(hashlib.blake2b(f"{node}{age % 5}".encode(), digest_size=2).hexdigest(), 16) / 400_000
    if node == NEW and age == 0:
        return _Ended("failed", 0.31, FAILURE)
    if node == STILL and age < 4:
        return _Ended("failed", 0.52, REFUND)
    if node == FLAKY and age % 5 == 3:
        return _Ended("failed", 2.05, TIMEOUT)
    if node == FIXED and age in {1, 2, 3}:
        return _Ended("error", 0.02, {"type": "ConnectionRefusedError", "message": "mail.example:25 refused"})
    if node == SLOWER:
        return _Ended("passed", (1.9 if age < 8 else 0.22) + steady)
    if "legacy" in node:
        return _Ended("skipped", 0.0)
    if "rounding" in node:
        return _Ended("xfailed", steady)
    return _Ended("passed", steady)


def _more(node: str, age: int) -> dict[str, Any]:
    if node == NEW:
        return {
            "parameters": {"currency": "eur", "cents": "450"},
            "markers": ["money"],
            "line": 36,
            "fixtures": {"database": 0.081, "cart": 0.012, "currency": 0.001},
            "properties": [["ticket", "SHOP-17"]],
            "output": {
                "setup log": "INFO     shop.db:db.py:12 schema made in 0.08 s",
                "call stdout": "cart: 2 x tea = \x1b[32m9.00\x1b[0m EUR\nfee: 1 %, asked of payments\n",
                "call stderr": "pricing: fee of payments is included since 2.4\n" if age == 0 else "",
            },
            "phase": "call" if age == 0 else None,
        }
    if node == FLAKY and age % 5 == 0:
        return {"attempts": [{"outcome": "failed", "duration": 2.04, "failure": TIMEOUT}]}
    if "legacy" in node:
        return {"reason": "legacy prices are gone"}
    return {}


def _tell(suite: ToldRun, node: str, end: _Ended, started: int, **more: Any) -> None:
    facts: dict[str, Any] = {
        "id": case_id(suite.run, node), "node": node, "outcome": end.outcome, "done": True,
        "started": started, "duration": end.duration, "file": node.split("::", 1)[0],
        "phases": {
            "setup": {"outcome": "passed", "duration": end.duration * 0.3},
            "call": {"outcome": "failed" if end.failure else "passed", "duration": end.duration * 0.65},
            "teardown": {"outcome": "passed", "duration": end.duration * 0.05},
        },
    }  # fmt: skip
    if end.failure:
        facts["failure"] = end.failure
    facts |= {name: value for name, value in more.items() if value is not None}
    suite.tell(wire.TEST_CASE, facts, when=started + int(end.duration * SECOND_NS))


def _plain(now: int, age: int, prefix: str, nodes: list[str], hours: int) -> ToldRun:
    suite = ToldRun(run_of(prefix.split("/")[1], age), prefix)
    begun = now - age * hours * HOUR_NS - 300 * SECOND_NS
    suite.tell(wire.TEST_BEGIN, {**_facts(now, age), "collected": len(nodes)}, when=begun)
    bad = age in {5, 13, 14}
    for index, node in enumerate(nodes):
        fails = bad and index == age % len(nodes)
        _tell(
            suite,
            node,
            _Ended("failed" if fails else "passed", 0.4 + index / 7, TIMEOUT if fails else None),
            begun,
        )
    outcome = "interrupted" if age == 9 else "failed" if bad else "passed"
    suite.tell(
        wire.TEST_END, {"outcome": outcome, "exit": int(bad), "duration": 9.5}, when=begun + 10 * SECOND_NS
    )
    return suite


def _facts(now: int, age: int, runner: str = "pytest") -> dict[str, Any]:
    commit = hashlib.sha1(f"commit {age // 2}".encode(), usedforsecurity=False).hexdigest()
    return {
        "runner": runner,
        "runner_version": "8.4.2",
        "source": "plugin",
        "command": f"{runner} --pylogtap tests",
        "commit": commit,
        "committed": now - (age // 2 * 2 + 3) * 9 * HOUR_NS,
        "branch": "main",
        "dirty": age == 0,
        "ci": {"provider": "GitHub Actions", "job": "tests", "url": "https://ci.example/shop/1042"},
        "python": "CPython 3.12.8",
        "platform": "Linux 6.8 x86_64",
        "host": "build-7",
        "plugins": {"pytest-xdist": "3.8.0", "anyio": "4.11.0"},
        "workers": 2,
        "whole": True,
        "seed": "20442",
    }


def _lines(now: int) -> SegmentBuilder:
    """Return what two services logged for the case that fails for the first time."""
    case = {wire.MORE_TEST: case_id(run_of("checkout", 0), NEW)}
    segment = SegmentBuilder("shop/pricing/web-1")
    segment.place(2, "shop/payments/pay-1")
    asked = segment.site("price of %s in %s")
    fee = segment.site(
        "fee of %d %% added, as the setting fee.included is off", place=2, level="warning", severity=13
    )
    error = segment.site("fee asked for twice", place=2, level="error", severity=17)
    begun = now - 180 * SECOND_NS
    segment.record(asked, ["tea", "EUR"], {"cents": 450}, case, when=begun + 80_000_000)
    segment.record(asked, ["fees", "EUR"], None, case, when=begun + 91_000_000)
    segment.record(fee, [1], None, case, when=begun + 120_000_000)
    segment.record(error, [], {"order": 1042}, case, when=begun + 131_000_000)
    return segment


_CART = ("add", "remove", "empty", "merge", "rounding")
_ORDER = ("place", "cancel", "split", "legacy_price", "track")
_CHECKOUT = [
    *(NEW, STILL, FLAKY, FIXED, SLOWER),
    *(f"tests/test_cart.py::TestCart::test_total[{currency}]" for currency in ("usd", "gbp", "jpy", "chf")),
    *(f"tests/test_cart.py::TestCart::test_{what}" for what in _CART),
    *(f"tests/test_order.py::test_{what}" for what in _ORDER),
    *(f"tests/test_vat.py::test_rate[{country}]" for country in ("de", "fr", "it", "es", "pl", "nl", "se")),
    *(f"tests/test_address.py::TestAddress::test_{what}" for what in ("zip", "street", "country", "missing")),
]
_CHARGE = ("card", "iban", "retry", "limit", "refuse", "void")
_PAYMENTS = [f"tests/test_charge.py::test_{what}" for what in _CHARGE]
_PARTS = ("Header", "Basket", "Product", "Search", "Footer", "Account", "Checkout", "Review", "Offer")
_STOREFRONT = [f"src/{name}.test.js > {name} renders" for name in _PARTS]
