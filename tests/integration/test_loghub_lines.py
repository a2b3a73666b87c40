"""Real lines of twelve systems go through the parser: each arrives, with the time and level it states."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pylogtap.prefix import Prefix
from pylogtap.text import LineParser, ParsedRecord
from pylogtap.text.levels import level_named
from tests.support.loghub import HOW_TO_GET, Sample, find_folder, read_samples

DEFAULT = Prefix("shop", "cart", "one")
NS = 10**9
FOLDER = find_folder()
SAMPLES = {sample.system: sample for sample in read_samples(FOLDER)} if FOLDER else {}
WITH_LEVEL = [
    "Apache",
    "BGL",
    "HDFS",
    "Hadoop",
    "OpenStack",
    "Spark",
    "Zookeeper",
]  # Linux' `Level` is its host
WITHOUT_TIME = ["HPC"]  # states it as a number in the middle of the line
# Systems whose head is a layout that is known: all of it leaves the message.
DIVIDED = ["Apache", "HDFS", "Hadoop", "Linux", "OpenSSH", "Spark", "Zookeeper"]

pytestmark = pytest.mark.skipif(FOLDER is None, reason=HOW_TO_GET)


def sample_of(system: str) -> Sample:
    """Return a system's sample, or skip where the folder has others."""
    if system not in SAMPLES:
        pytest.skip(f"{system} is not among the samples. {HOW_TO_GET}")
    return SAMPLES[system]


def parse(sample: Sample) -> list[ParsedRecord]:
    """Return the records of a system's lines."""
    parser = LineParser(DEFAULT)
    return parser.feed("".join(f"{line}\n" for line in sample.lines)) + parser.flush()


@pytest.mark.parametrize("system", sorted(SAMPLES) or ["none"])
def test_every_line_arrives(system: str) -> None:
    """Each line is one record, in its order, with its content in its message."""
    sample = sample_of(system)
    records = parse(sample)
    assert len(records) == len(sample.rows)
    assert all(
        row["Content"].strip() in record.message for row, record in zip(sample.rows, records, strict=True)
    )
    assert all(record.exception is None for record in records)


@pytest.mark.parametrize("system", WITH_LEVEL)
def test_levels_are_those_that_the_lines_state(system: str) -> None:
    """In each line the level is found that the sample states."""
    sample = sample_of(system)
    stated = [level_named(row["Level"]) for row in sample.rows]
    found = [(record.level, record.severity) for record in parse(sample)]
    assert found == stated


@pytest.mark.parametrize("system", sorted(SAMPLES) or ["none"])
def test_times_are_found(system: str) -> None:
    """Each line has its time; those of a system that hides it have none rather than a wrong one."""
    found = [record.time_ns is not None for record in parse(sample_of(system))]
    assert set(found) == {system not in WITHOUT_TIME}


@pytest.mark.parametrize(
    ("system", "columns", "form"),
    [
        ("Apache", "{Time}", "%a %b %d %H:%M:%S %Y"),
        ("HDFS", "{Date} {Time}", "%y%m%d %H%M%S"),
        ("Hadoop", "{Date} {Time}", "%Y-%m-%d %H:%M:%S,%f"),
        ("OpenStack", "{Date} {Time}", "%Y-%m-%d %H:%M:%S.%f"),
        ("Spark", "{Date} {Time}", "%y/%m/%d %H:%M:%S"),
        ("Zookeeper", "{Date} {Time}", "%Y-%m-%d %H:%M:%S,%f"),
    ],
)
def test_times_are_those_that_the_lines_state(system: str, columns: str, form: str) -> None:
    """Read by another reader, this machine's zone meant, the time is the same to the microsecond."""
    sample = sample_of(system)
    for row, record in zip(sample.rows, parse(sample), strict=True):
        stated = datetime.strptime(columns.format(**row), form).astimezone()
        assert record.time_ns is not None
        seconds, rest = divmod(record.time_ns, NS)
        assert datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000) == stated


@pytest.mark.parametrize("system", ["BGL", "Thunderbird"])
def test_times_since_the_epoch(system: str) -> None:
    """The number of seconds that the line states is its time."""
    sample = sample_of(system)
    assert [record.time_ns for record in parse(sample)] == [int(row["Timestamp"]) * NS for row in sample.rows]


@pytest.mark.parametrize("system", DIVIDED)
def test_messages_are_what_the_program_said(system: str) -> None:
    """Of a known layout no more than a few odd lines in a thousand keep a part of their head."""
    sample = sample_of(system)
    pairs = zip(sample.rows, parse(sample), strict=True)
    odd = [record.message for row, record in pairs if record.message != row["Content"].strip()]
    assert len(odd) <= len(sample.rows) * 5 // 1000, odd
