"""`pylogtap tests case` and `history`: a test as it ran once, and each time that it ran."""

from __future__ import annotations

import re
import sys
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.listing import moment
from pylogtap.cli.options import document_option
from pylogtap.cli.tests_asking import (
    CASES,
    RUNS,
    SHORT,
    TESTS,
    limit_option,
    open_collector,
    place_option,
    rows_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.cli.api import Api
    from pylogtap.cli.screen import Screen

    Item = dict[str, Any]

_ID = re.compile(r"[0-9a-f]{32}")
_LOGS = 5_000  # records of a case that are shown at most


@click.command(
    cls=ExampleCommand,
    short_help="Show a test as it ran once.",
    examples=(
        "pylogtap tests case 5b8efff798038103d269b633813fc60c",
        "pylogtap tests case 'test_total[usd]' --prefix shop/checkout --logs",
    ),
)
@click.argument("case_id", metavar="ID|NODE")
@click.option("--logs", is_flag=True, help="Also what it caused in the logs of all services, by time.")
@document_option
@place_option
def case(case_id: str, logs: bool, form: str, prefix: str | None, **collector: Any) -> None:
    """
    Show a case: why it failed, what it printed, and with --logs what it caused anywhere.

    ID is the 32 hex digits that `pylogtap tests show` names. NODE is the name of a test, or a part of it that
    no other test has: then it is about the time that it ran last.
    """
    from pylogtap.cli.formats import JsonWriter
    from pylogtap.cli.screen import open_screen
    from pylogtap.cli.tests_known import test_of

    api = open_collector(**collector)
    if not _ID.fullmatch(case_id):
        case_id = test_of(api, case_id, prefix)["last_case"]
    found = api.get(f"{CASES}/{case_id}")
    caused = _logs(api, case_id) if logs else []
    if form == "json":
        JsonWriter(sys.stdout).write({**found, "logs": caused} if logs else found)
        return
    screen = open_screen()
    _write_case(screen, found, api.get(f"{RUNS}/{found['run']}"))
    if logs:
        _write_logs(screen, caused)


def _logs(api: Api, case_id: str) -> list[Item]:
    from pylogtap.cli.query import pages

    return list(pages(api, f"test:{case_id}", order="asc", limit=_LOGS))


def _write_logs(screen: Screen, logs: list[Item]) -> None:
    from pylogtap.cli.pretty import Pretty
    from pylogtap.cli.screen import Span
    from pylogtap.cli.tests_writing import many

    services = len({(log["project"], log["service"]) for log in logs})
    screen.write([])
    lines = f"{many(len(logs), 'log line')} of {many(services, 'service')}"
    title = lines if logs else "no log lines that it caused"
    screen.write([Span(title, "bold")])
    writer = Pretty(screen)
    for log in logs:
        writer.write(log)


def _write_case(screen: Screen, found: Item, run: Item) -> None:
    from pylogtap.cli.screen import Span, visible
    from pylogtap.cli.tests_writing import STYLES, clock, place, revision, seconds

    state, again = found["state"], f", attempt {found['attempts']}" if found["attempts"] > 1 else ""
    screen.write([Span(visible(found["node"]), "bold")])
    phase = f" in {found['phase']}" if found["phase"] and state not in {"passed", "skipped"} else ""
    standing = f"  {found['standing'].replace('_', ' ')}" if found["standing"] else ""
    screen.write(
        [
            Span(f"{state}{phase}", STYLES.get(state, "")),
            Span(f"{standing}  {seconds(found['duration_s'])}{again}"),
        ]
    )
    where = f"{found['file']}:{found['line']}" if found["file"] and found["line"] else found["file"]
    lines = {
        "service": f"{place(found)}/{found['instance']}",
        "run": f"{found['run'][:SHORT]}  {revision(run)}",
        "began": clock(found["started"], screen),
        "stands in": where,
        "reason": found["reason"],
        "phases": _phases(found),
        "parameters": ", ".join(f"{name}={value}" for name, value in found["parameters"].items()),
        "markers": ", ".join(found["markers"]),
        "note": found["note"],
        "test": f"{found['test']}  (pylogtap tests history {found['test']})",
    }
    for name, text in lines.items():
        if text:
            screen.write([Span(f"  {name:<11} ", "dim"), Span(visible(text.strip()))])
    _write_failures(screen, found)
    for name, text in found["output"].items():
        _write_text(screen, name, text)
    for warning in found["warnings"]:
        _write_text(screen, f"warning: {warning['category']}", warning["message"])


def _phases(found: Item) -> str:
    from pylogtap.cli.tests_writing import seconds

    return ", ".join(
        f"{name} {seconds(phase['duration_s'])}"
        + ("" if phase["outcome"] == "passed" else f" {phase['outcome']}")
        for name, phase in found["phases"].items()
    )


def _write_failures(screen: Screen, found: Item) -> None:
    for number, attempt in enumerate(found["earlier_attempts"], 1):
        if attempt["failure"] is not None:
            _write_failure(screen, f"attempt {number}: {attempt['outcome']}", attempt["failure"])
    if found["failure"] is not None:
        _write_failure(screen, "failure", found["failure"])
    for part in found["subtests"]:
        if part["failure"] is not None:
            _write_failure(screen, f"part {part['name']}", part["failure"])


def _write_failure(screen: Screen, title: str, failure: Item) -> None:
    from pylogtap.cli.screen import Span, visible

    where = f"  {failure['file']}:{failure['line']}" if failure["file"] and failure["line"] else ""
    screen.write([])
    screen.write([Span(visible(title), "bold"), Span(visible(where), "dim")])
    said = ": ".join(filter(None, (failure["type"], failure["message"])))
    for line in said.splitlines():
        screen.write([Span("  "), Span(visible(line), "red")])
    if failure["stacktrace"] and failure["stacktrace"].strip() != failure["message"].strip():
        for line in failure["stacktrace"].rstrip().splitlines():
            screen.write([Span("  │ ", "dim"), Span(visible(line))])


def _write_text(screen: Screen, title: str, text: str) -> None:
    from pylogtap.cli.screen import Span, visible

    screen.write([])
    screen.write([Span(visible(title), "bold")])
    for line in text.rstrip("\n").splitlines():
        screen.write([Span("  │ ", "dim"), Span(visible(line))])


@click.command(
    cls=ExampleCommand,
    short_help="Show each time that a test ran.",
    examples=(
        "pylogtap tests history 'tests/test_cart.py::test_total[eur]'",
        "pylogtap tests history 42 -n 100 --format csv",
    ),
)
@click.argument("test", metavar="NODE|ID")
@limit_option(30, "runs")
@rows_option
@place_option
def history(test: str, limit: int, form: str, prefix: str | None, **collector: Any) -> None:
    """
    Show what became of a test in each of its runs, the newest first.

    NODE|ID is its name, or a part of it that no other test has, or its number.
    """
    from pylogtap.cli.tests_known import test_of
    from pylogtap.cli.tests_writing import why, write_rows

    api = open_collector(**collector)
    found = test_of(api, test, prefix)
    cases = list(api.items(f"{TESTS}/{found['id']}/history", limit))
    columns: dict[str, Callable[[Item], Any]] = {"began": lambda each: moment(each["started"])}
    if form == "pretty":
        _write_test(found)
        columns |= {"state": _standing, "took": lambda each: each["duration_s"]}
        columns["commit"] = lambda each: (each.get("commit") or "")[:SHORT]
    else:
        names = {"state": "state", "standing": "standing", "took": "duration_s", "run": "run"}
        columns |= {name: itemgetter(member) for name, member in names.items()}
        columns["commit"] = lambda each: each.get("commit")
    columns["branch"] = lambda each: each.get("branch")
    columns |= {"case": itemgetter("id"), "why": why}
    write_rows(form, cases, columns, "it never ran")


def _standing(each: Item) -> str:
    """Return what became of a case, in the words that say most."""
    said = each["standing"] if each["standing"] not in {None, "passing", "new"} else each["state"]
    again = f" ({each['attempts']} attempts)" if each["attempts"] > 1 else ""
    return f"{said.replace('_', ' ')}{again}"


def _write_test(found: Item) -> None:
    from pylogtap.cli.screen import Span, open_screen, visible
    from pylogtap.cli.tests_report import since_when
    from pylogtap.cli.tests_writing import STYLES, course, place, seconds

    screen = open_screen()
    screen.write([Span(visible(found["node"]), "bold"), Span(f"  {place(found)}", "dim")])
    said = [f"{found['failures']} of {found['runs']} failed", f"median {seconds(found['median_s'])}"]
    if found["flakiness"]:
        said.append(f"flaky: {found['flakiness']['score']:.0%}")
    if found["slowdown"]:
        slow = found["slowdown"]
        said.append(f"slower: {seconds(slow['before_s'])} → {seconds(slow['now_s'])}")
    if found["gone"]:
        said.append("not run any more")
    state = found["state"]
    screen.write(
        [
            Span(state, STYLES.get(state, "")),
            Span(f"{since_when(found)}  {', '.join(said)}  {course(found['recent'])}"),
        ]
    )
    for former in found["former_nodes"]:
        screen.write([Span(f"  formerly {visible(former)}", "dim")])
    screen.write([])
