"""The query language: one for the API, the page, the command line and the live tail."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylogtap_collector.errors import InvalidQuery
from pylogtap_collector.query.ast import And, Compare, Everything, Or
from pylogtap_collector.query.fields import FIELDS
from pylogtap_collector.query.matcher import predicate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from pylogtap_collector.models import Log
    from pylogtap_collector.query.ast import Node

__all__ = ["FIELDS", "InvalidQuery", "Query", "parse", "prepare", "query_of"]


@dataclass(frozen=True, slots=True)
class Query:
    """
    A query that was understood.

    Attributes:
        tree: What it means.
        now_ns: What its relative times are relative to.
        meaning: Two queries that have the same match the same records.
    """

    tree: Node
    now_ns: int
    _matches: Callable[[Log], bool] = field(repr=False, compare=False)
    meaning: Hashable = field(repr=False, compare=False)

    def matches(self, log: Log) -> bool:
        """Tell whether a record matches. This is the definition of the language's semantics."""
        return self._matches(log)

    def __str__(self) -> str:
        """Return the query in one canonical form, which means the same."""
        return str(self.tree)


def parse(text: str, *, now_ns: int | None = None, within: Collection[str] | None = None) -> Query:
    """
    Read a query.

    Args:
        text: See docs/reference/query-language.md; empty: everything.
        within: Projects that it is limited to, whatever it says; None: all.
        now_ns: What relative times are relative to; default: now.

    Raises:
        InvalidQuery: It cannot be read; says where and what would be right.
    """
    from pylogtap_collector.query.grammar import parse_tree  # noqa: PLC0415 - see prepare

    tree = parse_tree(text)
    return query_of(tree if within is None else _limited(tree, within), now_ns=now_ns)


def prepare() -> None:
    """Load what reads queries, which takes a moment: a start need not wait for it, nor the first query."""
    from pylogtap_collector.query import grammar  # noqa: F401, PLC0415


def _limited(tree: Node, projects: Collection[str]) -> Node:
    own = tuple(Compare("project", "=", project) for project in sorted(projects))
    here: Node = own[0] if len(own) == 1 else Or(own)
    return here if isinstance(tree, Everything) else And((here, tree))


def query_of(tree: Node, *, now_ns: int | None = None) -> Query:
    """
    Return the query that a tree is.

    Args:
        tree: What it means.
        now_ns: What relative times are relative to; default: now.

    Raises:
        InvalidQuery: A level, time or range in it cannot be.
    """
    now = time.time_ns() if now_ns is None else now_ns
    moment = now if "time" in str(tree) else None  # it may speak of times
    return Query(tree, now, predicate(tree, now), (tree, moment))
