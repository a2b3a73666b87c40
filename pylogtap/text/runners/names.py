"""Nodes taken apart, and put together, as the runners' own plugins and reports have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap.cases.facts import MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pylogtap.cases.facts import CaseFacts

ARROW = " > "


def case_of_pytest(node: str) -> CaseFacts:
    """
    Return what a node id of pytest tells.

    Args:
        node: Such as `tests/test_cart.py::TestCart::test_total[a::b]`, or a file that cannot be collected.
    """
    plain, bracket, parameters = node.partition("[")
    file, *groups = plain.split("::")
    name = (groups.pop() if groups else "") + bracket + parameters
    return _case(node, file, "::".join(groups), name or file)


def headline_of(node: str) -> str:
    """Return what pytest writes above the failure of a node: class and function, with dots between them."""
    plain, bracket, parameters = node.partition("[")
    return ".".join(plain.split("::")[1:]) + bracket + parameters


def case_of_unittest(dotted: str) -> CaseFacts:
    """
    Return what the id of a test of unittest tells.

    Args:
        dotted: `module.Class.method`, or a module that cannot be imported.
    """
    owner, _, name = dotted.rpartition(".")
    module, _, group = owner.rpartition(".")
    return _case(dotted, "", group if module else owner, name or dotted)


def case_of_go(package: str, test: str) -> CaseFacts:
    """
    Return what package and name of a test in Go tell.

    Args:
        package: Its import path; empty: unknown.
        test: `TestName`, with the names of its parts behind slashes.
    """
    parent, _, _ = test.rpartition("/")
    return _case(f"{package}.{test}" if package else test, "", parent or package, test)


def case_of_blocks(file: str, blocks: Sequence[str], name: str) -> CaseFacts:
    """
    Return what a test within describing blocks is called.

    Args:
        file: The file it stands in; empty: unknown.
        blocks: The outermost first.
        name: Its own name.
    """
    return _case(ARROW.join(filter(None, (file, *blocks, name))), file, ARROW.join(blocks), name)


def _case(node: str, file: str, group: str, name: str) -> CaseFacts:
    case: CaseFacts = {"node": node[:MAX_NAME], "name": name[:MAX_NAME]}
    if file:
        case["file"] = file[:MAX_NAME]
    if group:
        case["group"] = group[:MAX_NAME]
    return case
