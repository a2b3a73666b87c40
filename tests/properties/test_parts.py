"""Records by columns: whatever was sent is what comes back, and is found by what the language says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from pylogtap_collector.parts.evaluation import Evaluation, count_of
from pylogtap_collector.parts.rows import logs_of
from pylogtap_collector.query import parse
from tests.support.queries import nodes
from tests.support.sent import Sent, part_of, sealed, sent

NOTES = {(1 << 16): ({"team": "card"}, "Card 42")}


@given(sent())
@settings(max_examples=300, deadline=None)
def test_sealed_is_what_was_built(found: Sent) -> None:
    """A sealed part gives back every record exactly; ids are those of arrival."""
    part = part_of(found)
    again, _ = sealed(part)
    every = np.arange(part.head.rows)

    logs = logs_of(part, every)

    assert [repr(log) for log in logs_of(again, every)] == [repr(log) for log in logs]
    expected = {
        slice_ << 16 | place for slice_, count in enumerate(found.records, 1) for place in range(count)
    }
    assert {log.id for log in logs} == expected


@pytest.mark.timeout(300)  # hundreds of examples, perhaps beside other tests
@given(sent(), nodes)
@settings(max_examples=300, deadline=None)
def test_rows_are_those_of_the_definition(found: Sent, tree: Any) -> None:
    """For any records and any query, the rows found are those that the matcher accepts, also when sealed."""
    query = parse(str(tree), now_ns=10**18)
    part = part_of(found)
    again, words = sealed(part)
    every = np.arange(part.head.rows)
    logs = []
    for log in logs_of(part, every):
        labels, note = NOTES.get(log.id, ({}, None))
        logs.append(log.model_copy(update={"labels": labels, "note": note}))
    expected = {log.id for log in logs if query.matches(log)}

    evaluation = Evaluation(query.tree, query.now_ns, NOTES)
    for each in (part, again):
        assert set(each.ids[evaluation.rows(each)].tolist()) == expected
        assert count_of(evaluation.answer(each), each) == len(expected)
    assert evaluation.possible(again.head, words) or not expected
