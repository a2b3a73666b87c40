"""The headers that carry a case: what is written, and what is read and refused."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.context import current_case, set_process_case, within_case
from pylogtap.correlation import incoming_case, outgoing_headers
from pylogtap.correlation.headers import MAX_BAGGAGE, MAX_MEMBERS, MAX_WRITTEN, case_in

if TYPE_CHECKING:
    from collections.abc import Iterator

CASE = "a1b2" * 8
MEMBER = f"pylogtap.test={CASE}"


@pytest.fixture
def no_case() -> Iterator[None]:
    """Let the process run for no case; a run that is told of has one."""
    before = current_case()
    set_process_case(None)
    yield
    set_process_case(before)


@pytest.mark.usefixtures("no_case")
def test_no_case_no_headers() -> None:
    """While no case is active, a request gets nothing."""
    assert outgoing_headers({"baggage": "a=1"}) == {}
    with within_case("tests/test_pay.py::test"):  # no id of ours: nothing that a header could carry
        assert outgoing_headers() == {}


def test_what_is_written_is_read() -> None:
    """What one service writes, the next one reads."""
    with within_case(CASE):
        headers = outgoing_headers({})
    assert incoming_case(headers) == CASE
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, trace, len(bytes.fromhex(span)), flags) == ("00", CASE, 8, "01")


@pytest.mark.parametrize(
    ("existing", "written"),
    [
        ({"Baggage": "a=1"}, f"a=1,{MEMBER}"),
        ({b"baggage": b" a=1;p , b=2 "}, f"a=1;p , b=2,{MEMBER}"),
        ({"baggage": ""}, MEMBER),
        ({"baggage": f"a=1, pylogtap.test ={'c' * 32}"}, None),
        ({"baggage": f"pylogtap.tests={CASE}"}, f"pylogtap.tests={CASE},{MEMBER}"),
        ({"baggage": "a=" + "1" * (MAX_WRITTEN - len(MEMBER) - 3)}, ...),
        ({"baggage": "a=" + "1" * (MAX_WRITTEN - len(MEMBER) - 2)}, None),
        ({"baggage": ",".join(["a=1"] * (MAX_MEMBERS - 1))}, ...),
        ({"baggage": ",".join(["a=1"] * MAX_MEMBERS)}, None),
    ],
)
def test_baggage_of_others(existing: dict[Any, Any], written: Any) -> None:
    """A case comes behind what is there; where it is too much, or a case is there, nothing is touched."""
    before = dict(existing)
    with within_case(CASE):
        headers = outgoing_headers(existing)
    assert existing == before
    assert "traceparent" in headers
    if written is ...:
        (own,) = existing.values()
        written = f"{own},{MEMBER}"
    assert headers.get("baggage") == written


def test_traces_of_others() -> None:
    """A trace that the request belongs to stays."""
    with within_case(CASE):
        assert outgoing_headers({"TraceParent": "00-1-2-00"}) == {"baggage": MEMBER}


@pytest.mark.parametrize(
    ("baggage", "case"),
    [
        (MEMBER, CASE),
        (f" a=1 ,\tpylogtap.test = {CASE} ; p=1; q", CASE),
        (f"pylogtap.test={CASE.upper()}", CASE),
        (f"pylogtap.test=%61{CASE[1:]}", CASE),
        (f"pylogtap.test={'c' * 32},{MEMBER}", "c" * 32),
        (f"{'x' * (MAX_BAGGAGE - len(MEMBER) - 3)}=,{MEMBER}", None),
        (f"{'x' * (MAX_BAGGAGE - len(MEMBER) - 2)}=,{MEMBER}", None),
        (f"{MEMBER}\n", CASE),
        (f"pylogtap.test={CASE}%0a", None),
        ("pylogtap.test=" + "\u0661" * 32, None),
        ("pylogtap.test=" + "0" * 32, None),
        ("", None),
    ],
)
def test_what_comes(baggage: str, case: str | None) -> None:
    """The first member of our name counts; it is an id, 32 hex digits, or nothing."""
    assert case_in(baggage) == case or len(baggage) <= MAX_BAGGAGE
    if len(baggage) > MAX_BAGGAGE:
        assert case_in(baggage) is None
    elif case is not None:
        assert incoming_case({b"Baggage": baggage.encode("latin-1")}) == case


LATER = """
import sys
from pylogtap import correlation
correlation.instrument_installed()
correlation.instrument_installed()
heavy = {"aiohttp", "httpx", "requests", "urllib3"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
import requests, httpx, aiohttp, urllib3
hooks = (
    requests.Session.send, httpx.Client.send, httpx.AsyncClient.send, aiohttp.ClientSession._request,
    urllib3.HTTPConnectionPool.urlopen,
)
assert all(hasattr(hook, "__wrapped__") for hook in hooks), hooks
for module in (requests, httpx, aiohttp, urllib3):
    assert module.__loader__ is module.__spec__.loader
    assert not type(module.__loader__).__module__.startswith("pylogtap")
correlation.uninstrument()
assert not hasattr(requests.Session.send, "__wrapped__")
assert not [each for each in sys.meta_path if type(each).__module__.startswith("pylogtap")]
"""


def test_libraries_that_are_loaded_later() -> None:
    """To instrument what is installed loads nothing; what the program loads later is instrumented then."""
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FAILING = """
import sys, types
from pylogtap import correlation
from pylogtap.correlation import instruments
instruments._home = lambda library: "no.such.module"
correlation.instrument_installed()
import requests
assert requests.get
"""


def test_a_hook_that_fails() -> None:
    """Whoever loads a library gets it, also where our hook does not fit it; the reason is logged."""
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot go along with the import of requests" in done.stderr
