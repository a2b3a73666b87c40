"""The report of a run for people: what it says that the runs before it did not, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.cli.screen import Span, visible
from pylogtap.cli.tests_asking import SHORT
from pylogtap.cli.tests_writing import (
    STYLES,
    clock,
    counts,
    course_of,
    many,
    missing,
    place,
    revision,
    seconds,
    why,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.cli.screen import Screen

Report = dict[str, Any]
_SECTIONS = {  # of the report, in the order in which people want to see them
    "new_failures": ("new failures", "bold red"),
    "still_failing": ("still failing", "red"),
    "flaky_failures": ("flaky, and failed this time", "yellow"),
    "reran": ("passed in a later attempt", "yellow"),
    "slower": ("slower than before", "yellow"),
    "fixed": ("fixed", "green"),
    "new": ("new", ""),
    "gone": ("not run any more", "dim"),
}
_DETAILED = frozenset({"new_failures", "still_failing", "flaky_failures"})
_MOST = 20  # findings of a section that are shown, unless all are asked for


def write_report(
    screen: Screen, report: Report, cut_off: Sequence[dict[str, Any]] = (), *, everything: bool = False
) -> None:
    """
    Write a report.

    Args:
        screen: Where.
        report: As the API shows it.
        cut_off: Cases that have begun, and not ended, as the API shows them.
        everything: Whether sections are shown to their ends.
    """
    write_head(screen, report)
    if cut_off:
        _write_cut_off(screen, report["run"], cut_off if everything else cut_off[:_MOST], len(cut_off))
    for name, (title, style) in _SECTIONS.items():
        found, total = report[name], report["totals"][name]
        if not found:
            continue
        screen.write([])
        if name == "new" and report["baseline"] is None:
            screen.write(
                [Span(f"the first run of its kind: nothing to compare {many(total, 'test')} with", "dim")]
            )
            continue
        screen.write([Span(f"{title} ({total})", style or "bold")])
        shown = found if everything else found[:_MOST]
        for finding in shown:
            write_finding(screen, name, finding)
        if total > len(shown):
            more = "; --all shows them" if len(found) > len(shown) else ""
            screen.write([Span(f"  … and {total - len(shown)} more{more}", "dim")])


def _write_cut_off(screen: Screen, run: dict[str, Any], shown: Sequence[dict[str, Any]], total: int) -> None:
    """Write which cases ran when a run was heard of last: one of them may have ended it."""
    title = "running" if run["state"] == "running" else "interrupted"
    screen.write([])
    screen.write([Span(f"{title} ({total})", STYLES[title])])
    for case in shown:
        began = f"  began {clock(case['started'], screen)}"
        screen.write([Span("  "), Span(visible(case["node"]), "bold"), Span(began, "dim")])
        screen.write([Span(f"      pylogtap query test:{case['id']}", "dim")])
    if total > len(shown):
        screen.write([Span(f"  … and {total - len(shown)} more; --all shows them", "dim")])


def write_head(screen: Screen, report: Report) -> None:
    """Write what a run is, and with which it is compared."""
    run, baseline = report["run"], report["baseline"]
    screen.write(
        [
            Span(f"{place(run)}/{run['instance']}", "bold"),
            Span("  "),
            Span(run["state"], STYLES.get(run["state"], "")),
            Span(f"  {counts(run)}{course_of(run)}"),
        ]
    )
    version = f" {run['runner_version']}" if run["runner_version"] else ""
    lines = {
        "run": f"{run['id']}  {clock(run['started'], screen)}  {run['runner']}{version}",
        "commit": revision(run),
        "ci": run["ci"].get("url", ""),
        "reason": run["reason"] or "",
        "missing": f"{missing(run)} of it" if run["dropped"] else "",
        "against": ""
        if baseline is None
        else f"{baseline['id'][:SHORT]}  {clock(baseline['started'], screen)}  {revision(baseline)}",
    }
    for name, text in lines.items():
        if text:
            screen.write([Span(f"  {name:<8} ", "dim"), Span(visible(text.strip()))])


def write_finding(screen: Screen, section: str, finding: dict[str, Any]) -> None:
    """
    Write one test that a report names.

    Args:
        screen: Where.
        section: Of the report.
        finding: As the API shows it.
    """
    test, case = finding["test"], finding["case"]
    screen.write(
        [Span("  "), Span(visible((case or test)["node"]), "bold"), Span(_more(section, finding), "dim")]
    )
    if section in _DETAILED and case is not None:
        if said := why(case):
            screen.write([Span("      "), Span(visible(said))])
        screen.write([Span(f"      pylogtap query test:{case['id']}", "dim")])


def _more(section: str, finding: dict[str, Any]) -> str:
    """Return what one wants to know of a finding, behind its name."""
    test, case = finding["test"], finding["case"]
    if section == "slower" and test["slowdown"]:
        slow = test["slowdown"]
        since = f" since {slow['since_commit'][:SHORT]}" if slow["since_commit"] else ""
        return f"  {seconds(slow['before_s'])} → {seconds(slow['now_s'])} (x{slow['ratio']:.1f}){since}"
    if section == "flaky_failures" and test["flakiness"]:
        return f"  flaky: {test['flakiness']['score']:.0%}"
    if section == "reran" and case is not None:
        return f"  {case['attempts']} attempts"
    if section in _DETAILED:
        return since_when(test)
    return ""


def since_when(test: dict[str, Any]) -> str:
    """Return since which commit a test fails, where that is known."""
    bad, good = test["first_bad_commit"], test["last_good_commit"]
    said = f"  since {bad[:SHORT]}" if bad else ""
    return said + (f", passed on {good[:SHORT]}" if bad and good else "")
