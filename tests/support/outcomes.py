"""What becomes of attempts, in the words of the table in docs/reference/rights.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.rights import OTHER, OWN, VISITORS, world

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pylogtap_collector.api.routing import Operation
    from tests.support.api import Reply

HIDDEN = "not there"


def outcome(operation: Operation, reply: Reply) -> str:
    """Return in the table's words what became of an attempt."""
    assert reply.status < 500 or operation.name == "read_readiness", reply.body
    foreign = operation.dialect is not None  # says so in words of its protocol
    if reply.status == 401 and (foreign or reply.json["code"] in {"no_key", "wrong_key"}):
        return "who?"
    if reply.status == 403:
        assert foreign or reply.json["code"] == "missing_right"
        return "no"
    if reply.status == 404:
        return "no" if operation.name == "sign_out" else HIDDEN  # a key has nothing to sign out of
    return "yes"


async def outcomes(operations: Iterable[Operation]) -> dict[str, list[str]]:
    """
    Try everything; return a row of the table for each operation.

    Args:
        operations: What there is.
    """
    table: dict[str, list[str]] = {}
    async with world() as here:
        for operation in operations:
            cells = []
            for visitor in VISITORS:
                own, other = [
                    outcome(operation, await here.attempt(operation, visitor, project))
                    for project in (OWN, OTHER)
                ]
                cells.append(own if own == other else f"{own}, {other}")
            table[f"{operation.method} {operation.path}"] = cells
    return table
