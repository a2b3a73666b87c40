"""What may be done, and which role or key may do it; docs/reference/rights.md has each operation."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.models import KeyRole, Role


class Right(StrEnum):
    """What an operation asks of whoever calls it."""

    OPEN = "open"  # nothing: it tells nothing of what is stored
    KNOWN = "known"  # that he has shown who he is
    READ = "read"  # see what a project holds
    DELIVER = "deliver"  # add records and samples
    WRITE = "write"  # annotate, describe, save searches
    MANAGE = "manage"  # delete, say how long records are kept, give access
    WATCH = "watch"  # see how the collector itself is doing
    ADMINISTER = "administer"  # users, settings, the database as a whole


OF_VIEWER = frozenset({Right.READ})
OF_EDITOR = OF_VIEWER | {Right.DELIVER, Right.WRITE}
OF_ADMIN = OF_EDITOR | {Right.MANAGE}
OF_SERVER = OF_ADMIN | {Right.WATCH, Right.ADMINISTER}
OF_NOBODY: frozenset[Right] = frozenset()

OF_ROLE: Mapping[Role, frozenset[Right]] = {"viewer": OF_VIEWER, "editor": OF_EDITOR, "admin": OF_ADMIN}
OF_KEY: Mapping[KeyRole, frozenset[Right]] = {
    "ingest": frozenset({Right.DELIVER}),
    "read": OF_VIEWER,
    "admin": OF_ADMIN,
}
OF_KEY_EVERYWHERE: Mapping[KeyRole, frozenset[Right]] = {
    "ingest": frozenset({Right.DELIVER}),
    "read": OF_VIEWER | {Right.WATCH},
    "admin": OF_SERVER,
}
OF_SERVER_ALONE = frozenset({Right.WATCH, Right.ADMINISTER})  # are no rights in a project
