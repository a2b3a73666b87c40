"""`pylogtap tests list`, `flaky`, `slow` and `failures`: what is known of tests beyond one run."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import WrongUsage
from pylogtap.cli.listing import moment
from pylogtap.cli.tests_asking import (
    SHORT,
    TESTS,
    find_run,
    limit_option,
    open_collector,
    place_of,
    place_option,
    rows_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Item = dict[str, Any]
    Columns = dict[str, Callable[[Item], Any]]

_FAILING = ("failed", "error")


@click.command(
    "list",
    cls=ExampleCommand,
    short_help="List tests.",
    examples=("pylogtap tests list --failing --prefix shop", "pylogtap tests list test_cart --format csv"),
)
@click.argument("node", required=False)
@click.option("--failing", is_flag=True, help="Those that failed when they ran last.")
@click.option("--flaky", is_flag=True, help="Those that fail now and then.")
@click.option("--slower", is_flag=True, help="Those that take longer than they did.")
@click.option("--gone", is_flag=True, help="Those that are not run any more, instead of those that are.")
@limit_option(100, "tests")
@rows_option
@place_option
def list_tests(
    node: str | None,
    failing: bool,
    flaky: bool,
    slower: bool,
    gone: bool,
    limit: int,
    form: str,
    prefix: str | None,
    **collector: Any,
) -> None:
    """List the tests that are still run, by name. NODE is a part of the name."""
    filters = {
        "node": node,
        "flaky": "true" if flaky else None,
        "slower": "true" if slower else None,
        "gone": str(gone).lower(),
    }
    columns: Columns = {
        "test": lambda test: test["id"],
        "state": lambda test: test["state"],
        "last": _course,
        "median": lambda test: test["median_s"],
        "since": lambda test: (test["first_bad_commit"] or "")[:SHORT],
        "service": _place,
        "node": lambda test: test["node"],
    }
    states = _FAILING if failing else (None,)
    _write(form, columns, "no such tests", limit, prefix, collector, states=states, **filters)


@click.command(
    cls=ExampleCommand,
    short_help="List the tests that fail now and then.",
    examples=("pylogtap tests flaky --prefix shop/checkout",),
)
@limit_option(30, "tests")
@rows_option
@place_option
def flaky(limit: int, form: str, prefix: str | None, **collector: Any) -> None:
    """
    List the tests that give both outcomes where nothing was changed, the flakiest first.

    The score is the share of commits, newer ones counting more, on which a test both passed and failed.
    """
    columns: Columns = {
        "score": lambda test: f"{test['flakiness']['score']:.0%}",
        "commits": lambda test: f"{test['flakiness']['mixed_commits']} of {test['flakiness']['commits']}",
        "reruns": lambda test: test["flakiness"]["reruns_passed"],
        "last": _course,
        "service": _place,
        "test": lambda test: test["id"],
        "node": lambda test: test["node"],
    }
    nothing = "no test is known to be flaky"
    _write(form, columns, nothing, limit, prefix, collector, flaky="true", order="flaky")


@click.command(
    cls=ExampleCommand,
    short_help="List the tests that take long.",
    examples=("pylogtap tests slow -n 10", "pylogtap tests slow --slower --prefix shop"),
)
@click.option("--slower", is_flag=True, help="Those that take longer than they did, and since when.")
@limit_option(20, "tests")
@rows_option
@place_option
def slow(slower: bool, limit: int, form: str, prefix: str | None, **collector: Any) -> None:
    """List the tests that take the longest, or that have become slower."""
    columns: Columns = {"median": lambda test: test["median_s"]}
    if slower:
        columns = {  # no median: it is of 30 runs, and lies between the two
            "before": lambda test: test["slowdown"]["before_s"],
            "now": lambda test: test["slowdown"]["now_s"],
            "ratio": lambda test: f"x{test['slowdown']['ratio']:.1f}",
            "since": lambda test: (test["slowdown"]["since_commit"] or test["slowdown"]["kind"])[:SHORT],
        }
    columns |= {"service": _place, "test": lambda test: test["id"], "node": lambda test: test["node"]}
    filters = {"slower": "true", "order": "slower"} if slower else {"order": "slowest"}
    _write(form, columns, "no such tests", limit, prefix, collector, **filters)


@click.command(
    cls=ExampleCommand,
    short_help="Group failures that are alike.",
    examples=("pylogtap tests failures --since 1d", "pylogtap tests failures --run latest --prefix shop"),
)
@click.option("--since", metavar="TIME", help="From then on: 15m, 1h, 2d, now-1h or an RFC 3339 time.")
@click.option("--run", metavar="RUN", help="Of this run alone: its id, the first digits of it, or `latest`.")
@limit_option(20, "groups")
@rows_option
@place_option
def failures(
    since: str | None, run: str | None, limit: int, form: str, prefix: str | None, **collector: Any
) -> None:
    """
    Group failures whose exceptions and messages are alike but for values, the largest group first.

    One broken fixture fails a hundred tests; here it is one line.
    """
    from pylogtap.cli.tests_writing import first_line, joined, write_rows

    api, place = open_collector(**collector), place_of(prefix)
    wanted = None if run is None else find_run(api, run, **place)["id"]
    found = api.get(f"{TESTS}/failures", **place, since=since, run=wanted, limit=limit)["items"]
    columns: Columns = {
        "cases": lambda group: group["cases"],
        "tests": lambda group: group["tests"],
        "runs": lambda group: group["runs"],
        "first": lambda group: moment(group["first_seen"]),
        "last": lambda group: moment(group["last_seen"]),
        "service": _place,
    }
    if form == "csv":
        columns |= {"type": itemgetter("type"), "message": itemgetter("pattern")}
    else:
        columns["failure"] = lambda group: joined(group["type"], first_line(group["pattern"]))
    write_rows(form, found, columns, "no failures")


def test_of(api: Any, wanted: str, prefix: str | None) -> dict[str, Any]:
    """
    Return a test.

    Args:
        api: The collector.
        wanted: Its number, or its node, also a former one, or a part of that which no other has.
        prefix: Its project or service, where several have such a node.

    Raises:
        WrongUsage: There is none, or there are several.
    """
    if wanted.isdecimal():
        found: dict[str, Any] = api.get(f"{TESTS}/{wanted}")
        return found
    tests: list[dict[str, Any]] = list(api.items(TESTS, 50, **place_of(prefix), node=wanted))
    exact = [test for test in tests if test["node"] == wanted]
    exact = exact or [test for test in tests if wanted in test["former_nodes"]] or tests
    if len(exact) == 1:
        return exact[0]
    if not exact:
        raise WrongUsage(f"there is no test {wanted!r}", remedies=("pylogtap tests list shows them",))
    named = tuple(f"{test['id']}  {_place(test)}  {test['node']}" for test in exact[:10])
    raise WrongUsage(f"{len(exact)} tests are named so; give the number of one of them", remedies=named)


def _write(
    form: str,
    columns: Columns,
    nothing: str,
    limit: int,
    prefix: str | None,
    collector: dict[str, Any],
    states: Sequence[str | None] = (None,),
    **filters: str | None,
) -> None:
    from pylogtap.cli.tests_writing import write_rows

    api, filters = open_collector(**collector), {**place_of(prefix), **filters}
    found = [test for state in states for test in api.items(TESTS, limit, state=state, **filters)]
    write_rows(form, found[:limit], columns, nothing)


def _course(test: Item) -> str:
    from pylogtap.cli.tests_writing import course

    return course(test["recent"][-10:])


def _place(item: Item) -> str:
    from pylogtap.cli.tests_writing import place

    return place(item)
