"""Warnings that come while tests run: each with its case, or with the run where there is no such case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pylogtap_collector.taps.test_events import MAX_WARNINGS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from pylogtap_collector.storage.test_runs import RunDraft
    from pylogtap_collector.taps.test_events import TestEvent

_decode = msgspec.json.Decoder(list[dict[str, Any]]).decode


def store_warnings(
    connection: sqlite3.Connection, warnings: Sequence[tuple[RunDraft, TestEvent]], changed: int
) -> None:
    """
    Store warnings; the same one, told again, counts once, as long as there is room for it.

    Args:
        connection: In a transaction; the cases that are known are stored.
        warnings: Each with its run.
        changed: The time of the change.
    """
    if not warnings:
        return
    names = msgspec.json.encode([event.facts.get("case") for _, event in warnings]).decode()
    cases = {
        (case, run): (row, _decode(stored) if stored else [])
        for case, run, row, stored in connection.execute(
            "SELECT case_id, run, id, warnings FROM test_case"
            " WHERE case_id IN (SELECT value FROM json_each(?))",
            (names,),
        )
    }
    touched: set[tuple[str, int]] = set()
    for draft, event in warnings:
        case = event.facts.get("case", "")
        item = {"time": event.time_ns, **event.facts}
        early = draft.details.get("warnings", [])
        if item in early:  # told before its case was
            continue
        known = cases.get((case, draft.row))
        if known is not None:
            del item["case"]
            draft.cases_changed = True
            touched.add((case, draft.row))
            _, found = known
        else:  # of no case, or of one that nobody has told of yet
            draft.details_changed = True
            found = draft.details["warnings"] = early
        if item not in found:
            draft.added["warnings"] += 1
            if len(found) < MAX_WARNINGS:
                found.append(item)
    connection.executemany(
        "UPDATE test_case SET warnings = ?, changed = ? WHERE id = ?",
        [(msgspec.json.encode(cases[key][1]).decode(), changed, cases[key][0]) for key in touched],
    )


def warnings_of(stored: str | None, run_details: dict[str, Any], case_id: str) -> list[dict[str, Any]]:
    """
    Return the warnings of a case, in the order of their times.

    Args:
        stored: Those that are stored with it.
        run_details: Of its run, which has those that came before it.
        case_id: Its id.
    """
    early = [item for item in run_details.get("warnings", ()) if item.get("case") == case_id]
    found = sorted([*early, *(_decode(stored) if stored else ())], key=lambda item: item["time"])
    return [{name: value for name, value in item.items() if name not in {"time", "case"}} for item in found][
        :MAX_WARNINGS
    ]
