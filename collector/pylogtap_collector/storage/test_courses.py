"""What held for a case when its run was assessed: columns `failing` and `slowdown` of `test_case`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from pylogtap_collector.models.slowdowns import Slowdown
from pylogtap_collector.storage.test_standings import Failing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

# The first of the failures in a row that are looked at knows of those before it.
_FAILING = """
    UPDATE test_case AS c SET failing = told.failing FROM (
        SELECT coalesce((SELECT p.failing FROM test_case AS p WHERE p.id = :first), :failing) AS failing
    ) AS told WHERE c.id = :case AND c.failing IS NOT told.failing
"""


class Slower(msgspec.Struct, frozen=True):
    """How far a test takes longer, as it is stored: the API's type, but for `since_run`, a row."""

    kind: Literal["step", "drift"]
    before_s: float
    now_s: float
    ratio: float
    certainty: float
    since_run: int | None
    since_commit: str | None

    def told(self, since_run: str | None) -> Slowdown:
        """
        Return the API's type.

        Args:
            since_run: Id of the run since which it is so.
        """
        return Slowdown.model_construct(
            kind=self.kind,
            before_s=self.before_s,
            now_s=self.now_s,
            ratio=self.ratio,
            certainty=self.certainty,
            since_run=since_run,
            since_commit=self.since_commit,
        )


read_slower = msgspec.json.Decoder(Slower).decode
_read_failing = msgspec.json.Decoder(dict[str, Any]).decode


class CaseFailing(NamedTuple):
    """
    Since when a case fails.

    Attributes:
        failing: From :func:`pack_failing`.
        case: Row of the case.
        first: Row of the first case of those in a row, where none that passed is known before it.
    """

    failing: str
    case: int
    first: int | None


def pack_failing(failing: Failing) -> str:
    """Return what is stored of since when a case fails: a JSON object."""
    return msgspec.json.encode(failing._asdict()).decode()


def unpack_failing(stored: str | None) -> Failing:
    """Read since when a case fails; None: it does not."""
    return Failing(None, None, None) if stored is None else Failing(**_read_failing(stored))


def store_failing(connection: sqlite3.Connection, rows: Iterable[CaseFailing]) -> None:
    """
    Store since when cases fail.

    Args:
        connection: In a transaction.
        rows: Those of older runs first.
    """
    connection.executemany(_FAILING, [row._asdict() for row in rows])


def store_slowdowns(connection: sqlite3.Connection, run: int, rows: Sequence[tuple[str, int]]) -> None:
    """
    Store which cases of a run took longer than they did; of all others that is forgotten.

    Args:
        connection: In a transaction.
        run: Row of the run.
        rows: A JSON object, as the API's, and row of the case.
    """
    connection.execute(
        "UPDATE test_case SET slowdown = NULL WHERE run = ? AND slowdown IS NOT NULL"
        " AND id NOT IN (SELECT value FROM json_each(?))",
        (run, msgspec.json.encode([case for _, case in rows]).decode()),
    )
    connection.executemany("UPDATE test_case SET slowdown = ? WHERE id = ?", rows)
