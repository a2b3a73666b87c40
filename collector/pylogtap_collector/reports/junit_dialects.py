"""What tells the writers of JUnit XML apart, and what each means by its names and outputs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pylogtap.cases.facts import MAX_ITEMS, Attempt, CaseFacts
from pylogtap_collector.reports import nodes
from pylogtap_collector.reports.model import BAD

if TYPE_CHECKING:
    from pylogtap_collector.reports.junit_tree import RawCase, Tree
    from pylogtap_collector.reports.nodes import Named

PYTEST = "pytest"
_PLAYWRIGHT = "playwright"
_CTEST = "ctest"
_SECTION = re.compile(r"^-{3,} ?Captured (Log|Out|Err) ?-{3,}$", re.MULTILINE)
_OF_UNITTEST = re.compile(r"[\w.]+-[0-9]{14}")  # class and time, as unittest-xml-reporting names suites
_SECTIONS = {"Log": "log", "Out": "stdout", "Err": "stderr"}
_NAMES = {  # of the outermost element
    "pytest tests": PYTEST, "jest tests": "jest", "Mocha Tests": "mocha", "nextest-run": "cargo nextest",
    "vitest tests": "vitest",
}  # fmt: skip


def runner_of(tree: Tree) -> str:
    """Return what ran the cases of a report: `junit` where nothing tells."""
    if found := _NAMES.get(tree.root.get("name", "")):
        return found
    for suite in tree.suites:
        if suite.attributes.get("name") == PYTEST:
            return PYTEST
        if "go.version" in suite.properties:
            return "go test"
        if _OF_UNITTEST.fullmatch(suite.attributes.get("name", "")):
            return "unittest"
        if any("surefire" in value for value in suite.attributes.values()):
            return "surefire"
    if tree.root.get("id") == "" and tree.root.get("name") == "":
        return _PLAYWRIGHT
    return _by_cases(tree)


def _by_cases(tree: Tree) -> str:
    if not tree.cases:
        return "junit"
    first = tree.cases[0].attributes
    if {"assertions", "class"} <= first.keys():
        return "phpunit"
    if first.get("status") in {"run", "fail", "disabled", "notrun"}:
        return "googletest" if "result" in first else _CTEST
    return "junit"


def name_of(raw: RawCase, runner: str) -> Named:
    """
    Return the name of a case.

    Args:
        raw: The case.
        runner: What ran it.
    """
    attributes = raw.attributes
    group, name, file = (attributes.get(key, "") for key in ("classname", "name", "file"))
    if runner == PYTEST:
        return nodes.of_dotted(group, name, file)
    if (known := nodes.of_program(runner, group, name)) is not None:
        return known
    around = raw.suite
    suites = [] if around is None else around.path
    if not file and around is not None:
        file = around.attributes.get("file") or around.attributes.get("filepath", "")
    if not group:
        group = nodes.SEPARATOR.join(suites)
    if runner == _PLAYWRIGHT:
        *blocks, name = name.split(" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ")
        return nodes.named(group, blocks, name)
    suite = suites[-1] if suites and runner != _CTEST else ""  # there the suite is named after the machine
    return nodes.of_other(group, name, file, suite)


def split_output(said: str) -> dict[str, str]:
    """
    Part what pytest writes together: what was logged and what was printed, each below a line that says so.

    Args:
        said: Text of `system-out` or `system-err`.
    """
    first, *rest = _SECTION.split(said)
    found = {"stdout": first} if first.strip() else {}
    for kind, piece in zip(rest[::2], rest[1::2], strict=True):
        name = _SECTIONS[kind]
        found[name] = "\n".join(filter(None, (found.get(name), piece.strip("\n"))))
    return found


def merge_pytest(cases: list[CaseFacts]) -> list[CaseFacts]:
    """
    Join what pytest says of a case more than once.

    It writes one element for each attempt, where a plugin runs failures again, of which all but the last keep
    silent about why; and a second one where a case failed and its teardown did as well.

    Args:
        cases: In the order of the report.
    """
    last: dict[str, CaseFacts] = {}
    for case in cases:
        before = last.get(case["node"])
        last[case["node"]] = case if before is None else _merged(before, case)
    return list(last.values())


def _merged(before: CaseFacts, case: CaseFacts) -> CaseFacts:
    duration = before.get("duration", 0.0) + case.get("duration", 0.0)
    if before.get("outcome") in BAD and case.get("phase") == "teardown":  # of the same attempt
        joined = {**before["output"], **case.get("output", {})} if "output" in before else case.get("output")
        before["duration"] = duration
        if joined:
            before["output"] = joined
        return before
    attempt = Attempt(outcome=before["outcome"] if before["outcome"] in BAD else "failed")
    if "failure" in before:
        attempt["failure"] = before["failure"]
    if "duration" in before:
        attempt["duration"] = before["duration"]
    case["attempts"] = [*before.get("attempts", []), attempt][-MAX_ITEMS:]
    case["duration"] = duration
    return case
