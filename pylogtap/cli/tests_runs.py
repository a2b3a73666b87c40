"""`pylogtap tests runs`, `show` and `trend`, and the overview: runs, one of them, and their course."""

from __future__ import annotations

import sys
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.listing import moment
from pylogtap.cli.options import document_option
from pylogtap.cli.tests_asking import (
    CASES,
    LATEST,
    RUNS,
    SHORT,
    TESTS,
    branch_option,
    commit_of,
    find_run,
    limit_option,
    open_collector,
    place_of,
    place_option,
    rows_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pylogtap.cli.api import Api

    Item = dict[str, Any]

_SERVICES = 50  # that the overview shows
_CUT_OFF = 200  # cases that were cut off, that are shown at most
_LOOKED_AT = 1_000  # runs among which their newest are found
_RUN_STATES = ("passed", "failed", "interrupted", "error", "empty", "running")


def overview(form: str, prefix: str | None, **collector: Any) -> None:
    """
    Write the newest run of each service.

    Args:
        form: `pretty`, `json` or `csv`.
        prefix: Of a project or service; None: all.
        collector: Address and key, as they were given.
    """
    from pylogtap.cli.tests_writing import failed, place, revision, total, write_rows

    api = open_collector(**collector)
    columns: dict[str, Callable[[Item], Any]] = {
        "service": place,
        "state": lambda run: run["state"],
        "new": itemgetter("new_failures"),
        "failed": failed,
        "tests": total,
        "took": lambda run: run["duration_s"],
        "commit": revision,
        "began": lambda run: moment(run["started"]),
        "run": lambda run: run["id"] if form == "csv" else run["id"][:SHORT],
    }
    nothing = "no test runs yet; `pylogtap tests import FILE` brings one"
    found = list(_newest(api, **place_of(prefix)))
    write_rows(form, found, {**columns, **_reason(form, found)}, nothing)


def _reason(form: str, runs: list[Item]) -> dict[str, Callable[[Item], Any]]:
    """Return the column that says why runs ended as they did; none for people where no run has a reason."""
    from pylogtap.cli.tests_writing import first_line

    if form != "csv" and not any(run["reason"] for run in runs):
        return {}
    return {"reason": itemgetter("reason") if form == "csv" else lambda run: first_line(run["reason"])}


def _newest(api: Api, **place: str | None) -> Iterator[Item]:
    seen: set[tuple[str, str]] = set()
    for run in api.items(RUNS, _LOOKED_AT, **place):
        key = run["project"], run["service"]
        if key in seen:
            continue
        seen.add(key)
        bad = run["counts"]["failed"] or run["counts"]["error"]
        new = api.get(f"{RUNS}/{run['id']}/report")["totals"]["new_failures"] if bad else 0
        yield {**run, "new_failures": new}
        if len(seen) == _SERVICES:
            return


@click.command(
    cls=ExampleCommand,
    short_help="List runs.",
    examples=(
        "pylogtap tests runs --prefix shop --branch main",
        "pylogtap tests runs --state failed --format csv",
    ),
)
@branch_option
@click.option("--commit", metavar="REV", help="Of this commit alone, also as `HEAD`.")
@click.option("--state", type=click.Choice(_RUN_STATES), help="Those that ended so.")
@limit_option(20, "runs")
@rows_option
@place_option
def runs(
    branch: str | None,
    commit: str | None,
    state: str | None,
    limit: int,
    form: str,
    prefix: str | None,
    **collector: Any,
) -> None:
    """List runs, the newest first."""
    from pylogtap.cli.tests_writing import failed, place, revision, total, write_rows

    columns = {
        "run": lambda run: run["id"] if form == "csv" else run["id"][:SHORT],
        "began": lambda run: moment(run["started"]),
        "service": lambda run: f"{place(run)}/{run['instance']}",
        "state": lambda run: run["state"],
        "failed": failed,
        "tests": total,
        "took": lambda run: run["duration_s"],
        "commit": revision,
    }
    filters = {**place_of(prefix), "branch": branch, "commit": commit_of(commit), "state": state}
    found = list(open_collector(**collector).items(RUNS, limit, **filters))
    write_rows(form, found, {**columns, **_reason(form, found)}, "no such test runs")


@click.command(
    cls=ExampleCommand,
    short_help="Show what a run says.",
    examples=("pylogtap tests show latest --prefix shop/checkout", "pylogtap tests show 5f2c9a --all"),
)
@click.argument("run", default=LATEST)
@branch_option
@click.option("--all", "everything", is_flag=True, help="All that it names, however many.")
@document_option
@place_option
def show(
    run: str, branch: str | None, everything: bool, form: str, prefix: str | None, **collector: Any
) -> None:
    """
    Show what a run says that the runs before it did not: new failures first.

    RUN is its id, the first digits of it, or `latest`.
    """
    from pylogtap.cli.formats import JsonWriter
    from pylogtap.cli.screen import open_screen
    from pylogtap.cli.tests_report import write_report

    api = open_collector(**collector)
    found = find_run(api, run, **place_of(prefix), branch=branch)
    report = api.get(f"{RUNS}/{found['id']}/report")
    if form == "json":
        JsonWriter(sys.stdout).write(report)
    else:
        write_report(open_screen(), report, _cut_off(api, report["run"]), everything=everything)


def _cut_off(api: Api, run: Item) -> list[Item]:
    """Return the cases of a run that have begun, and not ended."""
    if run["state"] not in {"running", "interrupted", "error"}:
        return []
    return list(api.items(CASES, _CUT_OFF, run=run["id"], state="running,interrupted"))


@click.command(
    cls=ExampleCommand,
    short_help="Show the course of a suite.",
    examples=("pylogtap tests trend --prefix shop/checkout --branch main",),
)
@branch_option
@click.option(
    "--runs",
    "count",
    type=click.IntRange(1, 500),
    default=30,
    show_default=True,
    metavar="N",
    help="How many runs.",
)
@rows_option
@place_option
def trend(branch: str | None, count: int, form: str, prefix: str | None, **collector: Any) -> None:
    """Show how many cases passed and how long they took, run by run, the oldest first."""
    from pylogtap.cli.tests_writing import revision, write_rows

    columns: dict[str, Callable[[Item], Any]] = {
        "began": lambda point: moment(point["started"]),
        "state": lambda point: point["state"],
        "cases": lambda point: point["cases"],
        "passed": lambda point: point["passed"],
        "failed": lambda point: point["failed"],
        "skipped": lambda point: point["skipped"],
        "flaky": lambda point: point["flaky"],
        "took": lambda point: point["duration_s"],
        "commit": revision,
    }
    if form == "csv":
        columns |= {"work": itemgetter("work_s"), "run": itemgetter("run")}
    api = open_collector(**collector)
    points = api.get(f"{TESTS}/trend", **place_of(prefix), branch=branch, runs=count)["points"]
    write_rows(form, points, columns, "no such test runs")
