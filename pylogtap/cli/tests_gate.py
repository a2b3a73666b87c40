"""`pylogtap tests gate`: stops a build where a run says what must not be."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.tests_asking import (
    LATEST,
    RUNS,
    SHORT,
    branch_option,
    commit_of,
    find_run,
    open_collector,
    place_of,
    place_option,
)

if TYPE_CHECKING:
    from pylogtap.cli.api import Api
    from pylogtap.cli.screen import Screen

    Report = dict[str, Any]

_LOOK_S = 0.5  # between two looks whether the run has ended


class Rules(NamedTuple):
    """What must not be; named as the options are."""

    no_new_failures: bool
    no_flaky: bool
    no_slower: bool
    max_failures: int | None
    allow_flaky: bool
    allow_empty: bool


class Fault(NamedTuple):
    """
    Something that must not be.

    Attributes:
        what: In words.
        section: Of the report, whose findings show it; None: nothing does.
    """

    what: str
    section: str | None = None


@click.command(
    cls=ExampleCommand,
    short_help="Fail where a run says what must not be.",
    examples=(
        "pylogtap tests gate --prefix shop/checkout --commit $GITHUB_SHA --no-new-failures",
        "pylogtap tests gate latest --prefix shop --branch main --max-failures 0 --allow-flaky",
    ),
)
@click.argument("run", default=LATEST)
@branch_option
@click.option("--commit", metavar="REV", help="Of this commit alone, also as `HEAD`.")
@click.option(
    "--no-new-failures", is_flag=True,
    help="No test fails that passed before; this holds where nothing else is asked for.",
)  # fmt: skip
@click.option(
    "--no-flaky", is_flag=True, help="No test passed only in a later attempt, or failed as it is known to."
)
@click.option("--no-slower", is_flag=True, help="No test takes longer than it did.")
@click.option("--max-failures", type=click.IntRange(0), metavar="N", help="At most so many tests fail.")
@click.option("--allow-flaky", is_flag=True, help="Failures of tests known to be flaky do not count.")
@click.option("--allow-empty", is_flag=True, help="A run without tests is well.")
@click.option(
    "--wait", "patience", type=click.FloatRange(0), default=60.0, show_default=True, metavar="S",
    help="Seconds to wait for the run to arrive and to end.",
)  # fmt: skip
@place_option
def gate(
    run: str, branch: str | None, commit: str | None, patience: float, prefix: str | None, **options: Any
) -> int:
    """
    Look at a run, and end with 1 where it says what must not be, with 0 where all is well.

    RUN is its id, the first digits of it, or `latest`: the newest of --prefix, --branch and --commit. A run
    that was interrupted is never well, nor one that failed though no test did, nor, without --allow-empty,
    one that had no tests.
    """
    from pylogtap.cli.screen import open_screen

    rules = Rules(**{name: options.pop(name) for name in Rules._fields})
    if rules.no_flaky and rules.allow_flaky:
        raise WrongUsage("--no-flaky and --allow-flaky say the opposite; give one of them")
    api = open_collector(**options)
    filters = {**place_of(prefix), "branch": branch, "commit": commit_of(commit)}
    report = _await_report(api, run, filters, patience)
    faults = [*_state_faults(report, rules), *_faults(report, rules)]
    with suppress(BrokenPipeError):  # whoever reads the words may have left: the exit code is for others
        _write(open_screen(), report, faults)
    return 1 if faults else 0


def _await_report(api: Api, wanted: str, filters: dict[str, str | None], patience: float) -> Report:
    """
    Return the report of a run that has ended, or did not in time.

    Raises:
        Failed: There is no such run, also later.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            found = find_run(api, wanted, **filters)
        except WrongUsage:
            raise
        except Failed:
            if time.monotonic() >= deadline:
                raise
        else:
            if found["state"] != "running" or time.monotonic() >= deadline:
                return api.get(f"{RUNS}/{found['id']}/report")
        time.sleep(min(_LOOK_S, max(0.01, deadline - time.monotonic())))


def _state_faults(report: Report, rules: Rules) -> list[Fault]:
    """Return what closes the gate whatever was asked for."""
    from pylogtap.cli.tests_writing import failed, missing

    run = report["run"]
    reason = f": {run['reason']}" if run["reason"] else ""
    faults = []
    if run["state"] == "running":
        faults.append(Fault("the run has not ended; wait for it by --wait"))
    elif run["state"] == "empty":
        if not rules.allow_empty:
            faults.append(Fault("the run had no tests; --allow-empty lets it pass"))
    elif run["state"] == "interrupted":
        faults.append(Fault(f"the run ended too soon (interrupted){reason}"))
    elif run["state"] == "error":
        faults.append(Fault(f"the runner failed{_status(run)}{reason}"))
    elif run["state"] == "failed" and not failed(
        run
    ):  # the coverage was too low, or the runner names no cases
        faults.append(Fault(f"the run failed{_status(run)}, though no case did{reason}"))
    if run["dropped"]:
        faults.append(Fault(f"{missing(run)} of the run: it may have failed more"))
    return faults


def _status(run: dict[str, Any]) -> str:
    return "" if run["exit_status"] is None else f" (exit status {run['exit_status']})"


def _faults(report: Report, rules: Rules) -> list[Fault]:
    faults: list[Fault] = []
    if rules.no_new_failures or not (rules.no_flaky or rules.no_slower or rules.max_failures is not None):
        faults += _named(report, "new_failures", "{} failed and had not before")
    if rules.no_flaky:
        faults += _named(report, "flaky_failures", "{} failed as known to do now and then")
        faults += _named(report, "reran", "{} passed in a later attempt only")
    if rules.no_slower:
        faults += _named(report, "slower", "{} took longer than before")
    if rules.max_failures is not None:
        faults += _too_many(report, rules.max_failures, allow_flaky=rules.allow_flaky)
    return faults


def _named(report: Report, section: str, what: str) -> list[Fault]:
    count = report["totals"][section]
    return [Fault(what.format(_tests(count)), section)] if count else []


def _too_many(report: Report, most: int, *, allow_flaky: bool) -> list[Fault]:
    counts = report["run"]["counts"]
    failed = counts["failed"] + counts["error"]
    if allow_flaky:
        failed -= report["totals"]["flaky_failures"]
    if failed <= most:
        return []
    sections = ["new_failures", "still_failing", *([] if allow_flaky else ["flaky_failures"])]
    listed = [Fault(section.replace("_", " "), section) for section in sections if report[section]]
    return [Fault(f"{_tests(failed)} failed, at most {most} may"), *listed]


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


def _write(screen: Screen, report: Report, faults: list[Fault]) -> None:
    from pylogtap.cli.screen import Span, visible
    from pylogtap.cli.tests_report import write_finding, write_head

    write_head(screen, report)
    screen.write([])
    shown: set[str] = set()
    for fault in faults:
        screen.write([Span(f"✗ {visible(fault.what)}", "bold red")])
        if fault.section is not None and fault.section not in shown:
            shown.add(fault.section)
            for finding in report[fault.section]:
                write_finding(screen, fault.section, finding)
    if faults:
        screen.write(
            [Span(f"the gate is closed; pylogtap tests show {report['run']['id'][:SHORT]}", "bold red")]
        )
    else:
        screen.write([Span("the gate is open", "bold green")])
