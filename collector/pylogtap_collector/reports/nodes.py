"""Names by which tests are found again: made alike of whatever a report says of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from pylogtap.cases.facts import MAX_NAME
from pylogtap.text.runners import names
from pylogtap_collector.reports.values import text

SEPARATOR = "::"
_JAVASCRIPT = re.compile(r"\S+\.[cm]?[jt]sx?")  # files of which runners print blocks with arrows between them
_ELSEWHERE = re.compile(r"/|\\|[A-Za-z]:[\\/]|[a-z]+://")  # how paths begin that are those of one machine


class Named(NamedTuple):
    """
    A test's name.

    Attributes:
        node: The whole.
        file: The file it stands in; empty: unknown.
        group: The class or describing block; empty: none.
        name: The rest.
    """

    node: str
    file: str
    group: str
    name: str


def named(file: str, groups: list[str], name: str, *, shown: str | None = None) -> Named:
    """
    Join the parts of a name.

    Args:
        file: The file; empty: not a part of the name.
        groups: Classes or blocks, the outermost first.
        name: The test's own name.
        shown: The file it stands in, where that is not a part of the name.
    """
    first = next(filter(None, (file, shown, *groups)), "")
    separator = names.ARROW if _JAVASCRIPT.fullmatch(first) else SEPARATOR
    node = separator.join(filter(None, (file, *groups, name))) or "?"
    group = separator.join(filter(None, groups))
    return Named(
        text(node, MAX_NAME) or "?",
        text(shown if shown is not None else file, MAX_NAME),
        text(group, MAX_NAME),
        text(name, MAX_NAME) or text(node, MAX_NAME) or "?",
    )


def of_pytest(node: str) -> Named:
    """
    Take a node id of pytest apart.

    Args:
        node: Such as `tests/test_cart.py::TestCart::test_total[a::b]`.
    """
    plain, bracket, parameters = node.partition("[")
    file, *rest = plain.split(SEPARATOR)
    name = (rest.pop() if rest else "") + bracket + parameters
    return named(file, rest, name)


def of_dotted(classname: str, name: str, file: str = "") -> Named:
    """
    Put a node id of pytest together again, of what its JUnit XML keeps of it.

    pytest writes the module and the classes with dots between them. Without the file, classes are told from
    modules by a capital letter, as PEP 8 names both.

    Args:
        classname: Such as `tests.test_cart.TestCart`; empty: a module that could not be collected.
        name: Such as `test_total[eur]`.
        file: Which old families of the format name.
    """
    if not classname:
        return named(file or name.replace(".", "/") + ".py", [], "")
    if file:
        module = file.replace("\\", "/").removesuffix(".py").replace("/", ".")
        _, found, rest = f".{classname}.".partition(f".{module}.")
        if found:
            return named(file, [each for each in rest.split(".") if each], name)
    parts = classname.split(".")
    at = _first_class(parts)
    return named(file or ("/".join(parts[:at]) + ".py" if at else ""), parts[at:], name)


def _first_class(parts: list[str]) -> int:
    modules = [at for at, each in enumerate(parts) if each.startswith("test_") or each.endswith("_test")]
    start = modules[0] + 1 if modules else 0
    classes = (at for at in range(start, len(parts)) if parts[at].lstrip("_")[:1].isupper())
    return next(classes, len(parts))


def of_program(runner: str, group: str, name: str) -> Named | None:
    """
    Name a test as what reads a runner's output does; None: nothing reads that runner's, or it has no name.

    Args:
        runner: What ran it.
        group: What the report calls a class.
        name: What it calls the test.
    """
    if runner == "go test":
        case = names.case_of_go(group, name)
    elif runner == "unittest":
        case = names.case_of_unittest(f"{group}.{name}" if group else name)
    else:
        return None
    parts = (case["node"], case.get("file", ""), case.get("group", ""), case["name"])
    found = Named(*(text(part, MAX_NAME) for part in parts))
    return found if found.node and found.name else None


def of_other(group: str, name: str, file: str = "", suite: str = "") -> Named:
    """
    Name a test of another runner: by its class and its name, where these say enough.

    Args:
        group: What the report calls a class; often the name once more, or the file.
        name: What it calls the test.
        file: The file, if it names it.
        suite: The suites around it.
    """
    repeats = group in {name, file} or name.startswith(f"{group} ") or name.endswith(f" {group}")
    says = "" if repeats else group
    if says:
        return named("", [says], name, shown=file)
    if file and not _ELSEWHERE.match(file):
        return named(file, [], name)
    return named("", [suite] if suite and not name.startswith(suite) else [], name, shown=file)
