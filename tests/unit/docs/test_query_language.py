"""Every example of the query language does what the page about it says."""

from __future__ import annotations

import json

import pytest

from pylogtap_collector.errors import InvalidQuery
from pylogtap_collector.models import Log
from pylogtap_collector.query import FIELDS, grammar, parse
from pylogtap_collector.query.fields import LEVELS
from tests.support.documents import DOCS, blocks, code, rows

PAGE = DOCS / "reference" / "query-language.md"


def _records() -> list[Log]:
    """Make the records of the page, with what each record has besides."""
    (block,) = blocks(PAGE, "json")
    records = []
    for line in block.text.splitlines():
        shown = json.loads(line)
        project, service, instance = shown.pop("prefix").split("/")
        shown.setdefault("template", None)
        place = {"project": project, "service": service, "instance": instance}
        rest = {
            "received": shown["time"],
            "severity_number": LEVELS[shown["level"]],
            "pattern_id": shown["id"],
        }
        records.append(Log.model_validate({**shown, **place, **rest}))
    return records


@pytest.mark.parametrize("row", rows(PAGE, "query", "finds"), ids=lambda row: row[0])
def test_examples(row: list[str]) -> None:
    """A query of the page finds exactly the records that the page says."""
    matches = parse(code(row[0])).matches
    found = [log.id for log in _records() if matches(log)]
    assert found == ([] if row[1] == "none" else [int(number) for number in row[1].split(",")])


@pytest.mark.parametrize("row", rows(PAGE, "query", "column"), ids=lambda row: row[0])
def test_mistakes(row: list[str]) -> None:
    """A mistake of the page is refused, with the column and the words of the page."""
    with pytest.raises(InvalidQuery) as refused:
        parse(code(row[0]))
    assert (refused.value.column, refused.value.detail) == (int(row[1]), row[2])


def test_fields() -> None:
    """The page lists the fields that every record has, all of them, in the words of the program."""
    assert {code(row[0]): row[1] for row in rows(PAGE, "field", "what it is")} == FIELDS


def test_limits() -> None:
    """The page names the limits of the grammar."""
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    limits = (grammar.MAX_CHARACTERS, grammar.MAX_TERMS, grammar.MAX_DEPTH, grammar.MAX_PATTERN)
    sentence = (
        "{} characters, {} terms, {} levels of parentheses and negations, and {} characters in a regular"
    )
    assert sentence.format(*limits) in text
