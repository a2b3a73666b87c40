"""Export: every format, read back by other programs and compared with what was sent."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import parquet

from pylogtap import wire
from pylogtap.cli.tables import COLUMNS
from pylogtap_collector.proofs.proxy import BriefProxy
from tests.support.deliveries import deliver_segment
from tests.support.segments import SegmentBuilder, numbered_segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.cli.conftest import Shell

NAMES = [column.name for column in COLUMNS]
ODD: list[dict[str, Any]] = [
    {"text": 'a "quoted", thing\r\nof two lines\n', "formula": "=1+1", "empty": ""},
    {"nested": {"list": [1, None, {"deep": True}], "é": "日本"}, "dotted.key": 1},
    {"not_a_number": float("nan"), "infinite": float("-inf"), "small": 1e-300},
    {"huge": 2**64 - 1, "big": 2**53 + 1, "negative": -(2**63)},
    {"bytes": b"\x00\xff", "null": None, "nul": "a\0b", "tab": "\t"},
]


def send_odd(shell: Shell) -> list[dict[str, Any]]:
    """Deliver odd records, out of their order of time, and return what the API shows of them."""
    segment = SegmentBuilder(f"{shell.project}/checkout/web-1")
    site = segment.site("paid %s, +%d\n")
    for number, fields in enumerate(ODD):
        segment.record(site, [f'"{number}"', number], fields, when=1_700_000_000 - number * 0.25)
    failure = {"type": "ValueError", "message": "no,\n", "stacktrace": "Trace\n  b", "arguments": {"a": "1"}}
    segment.record(site, ["x", 9], None, {wire.MORE_EXCEPTION: failure}, when=1_700_000_001.0)
    deliver_segment(shell.collector.url, segment)
    return list(shell.collector.logs(f"project:{shell.project}"))


def exported(shell: Shell, form: str, name: str, query: str = "") -> Path:
    """Export this test's records to a file."""
    ended = shell.run("export", f"project:{shell.project}", query, "--format", form, "--output", name)
    assert ended.returncode == 0, ended.stderr.decode()
    return shell.folder / name


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Read a CSV file as any program would."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [{name: text or None for name, text in row.items()} for row in csv.DictReader(stream)]


def read_sqlite(path: Path) -> list[dict[str, Any]]:
    """Read the table of a database as any program would."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM log ORDER BY rowid")]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """Read a Parquet file as any program would."""
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


READERS: dict[str, Callable[[Path], list[dict[str, Any]]]] = {
    "csv": read_csv,
    "sqlite": read_sqlite,
    "parquet": read_parquet,
}


def restored(row: dict[str, Any], form: str) -> dict[str, Any]:
    """Return a row as the values that it stands for."""
    values = dict(row)
    for name, kind in COLUMNS:
        value = values[name]
        if value is None:
            continue
        if kind == "json":
            values[name] = json.loads(value)
        elif kind == "integer":
            assert form == "csv" or type(value) is int
            values[name] = int(value)
        elif kind == "time":
            values[name] = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return values


def expected(log: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a row of a log has to stand for."""
    exception = log["exception"] or dict.fromkeys(["type", "message", "stacktrace", "arguments"])
    return {
        **{name: log[name] for name in NAMES if name in log},
        "time": datetime.fromisoformat(log["time"]),
        "received": datetime.fromisoformat(log["received"]),
        "exception_type": exception["type"],
        "exception_message": exception["message"],
        "stacktrace": exception["stacktrace"],
        "arguments": exception["arguments"],
        **log["source"],
        **log["process"],
    }


@pytest.mark.parametrize("form", sorted(READERS))
def test_tables(shell: Shell, form: str) -> None:
    """Each row is its record: all values, also odd ones, in the order of time."""
    sent = send_odd(shell)
    assert len(sent) == len(ODD) + 1
    rows = READERS[form](exported(shell, form, "out"))
    assert [list(row) for row in rows] == [NAMES] * len(sent)
    assert [restored(row, form) for row in rows] == [expected(log) for log in sent]


def test_json_lines(shell: Shell) -> None:
    """Each line is a record as the API shows it, the oldest first; others are told."""
    sent = send_odd(shell)
    lines = exported(shell, "json", "out.json").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == sent
    by_key = {key: value for log in sent for key, value in log["attributes"].items()}
    assert (by_key["big"], by_key["negative"]) == (2**53 + 1, -(2**63))
    assert by_key["huge"] == str(2**64 - 1)
    assert by_key["formula"] == "=1+1"
    degraded = {name for log in sent for name in log["attributes"].get("pylogtap.degraded", [])}
    assert {"not_a_number", "infinite", "huge"} <= degraded


def test_sqlite_for_any_tool(shell: Shell) -> None:
    """JSON can be asked by SQLite's functions, times sort as text, and the sources are counted."""
    send_odd(shell)
    with closing(sqlite3.connect(exported(shell, "sqlite", "out.db"))) as connection:
        ask = connection.execute
        deep = ask("SELECT attributes ->> '$.nested.list[2].deep' FROM log WHERE attributes LIKE '%deep%'")
        assert deep.fetchall() == [(1,)]
        by_text = ask("SELECT time FROM log ORDER BY time").fetchall()
        assert by_text == ask("SELECT time FROM log ORDER BY julianday(time)").fetchall()
        assert ask("SELECT service, records FROM source").fetchall() == [("checkout", len(ODD) + 1)]
        assert ask("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("form", ["json", *sorted(READERS)])
def test_many_records(shell: Shell, form: str) -> None:
    """No record twice, none missing, also when there are far more than are in memory at once."""
    for first in range(0, 9_000, 3_000):
        deliver_segment(
            shell.collector.url, numbered_segment(3_000, first=first, prefix=f"{shell.project}/s/i")
        )
    path = exported(shell, form, "many", "n:>=500")
    if form == "json":
        found = [json.loads(line)["attributes"]["n"] for line in path.read_text().splitlines()]
    else:
        found = [json.loads(row["attributes"])["n"] for row in READERS[form](path)]
    assert sorted(found) == list(range(500, 9_000))


@pytest.mark.parametrize("form", [*sorted(READERS), "json", "incident"])
def test_nothing_found(shell: Shell, form: str) -> None:
    """An export of nothing is a file without records, not an error."""
    path = exported(shell, form, "none")
    if form in READERS:
        assert READERS[form](path) == []
    else:
        assert (path.stat().st_size == 0) == (form == "json")


def test_compressed_and_piped(shell: Shell) -> None:
    """A file that ends in .gz is compressed; without --output it goes to standard output, byte for byte."""
    send_odd(shell)
    packed = exported(shell, "csv", "out.csv.gz")
    plain = shell.run("export", f"project:{shell.project}", "--format", "csv").stdout
    assert gzip.decompress(packed.read_bytes()) == plain
    assert len(list(csv.reader(io.StringIO(plain.decode(), newline="")))) == len(ODD) + 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--format", "parquet"], 2, "--output FILE"),
        (["--format", "sqlite", "--output", "x.gz"], 2, "--output FILE"),
        (["level:", "--output", "x"], 2, "pylogtap: "),
        (["--url", "http://127.0.0.1:9", "--format", "sqlite", "--output", "x"], 1, "no collector answers"),
        (["--format", "incident", "--output", "no/where/x"], 1, "no/where/x"),
        (["--format", "parquet", "--output", "no/where/x"], 1, "no/where/x"),
    ],
)
def test_what_cannot_be(shell: Shell, arguments: list[str], code: int, said: str) -> None:
    """What goes wrong is said in a sentence, and leaves no file."""
    ended = shell.run("export", *arguments)
    assert (ended.returncode, b"Traceback" in ended.stderr) == (code, False)
    assert said in ended.stderr.decode()
    assert [path.name for path in shell.folder.iterdir() if path.is_file()] == []


def test_an_answer_that_breaks_off(shell: Shell) -> None:
    """An export whose collector dies on the way fails, and what was there before stays."""
    deliver_segment(shell.collector.url, numbered_segment(3_000, prefix=f"{shell.project}/s/i"))
    (shell.folder / "out").write_text("of yesterday")
    with closing(BriefProxy(("127.0.0.1", shell.collector.port), after=20_000)) as proxy:
        for form in ("json", "sqlite", "csv", "incident"):
            ended = shell.run("export", "--format", form, "--output", "out", "--url", proxy.url)
            assert ended.returncode == 1, form
            assert b"broke off" in ended.stderr
    assert (shell.folder / "out").read_text() == "of yesterday"
    assert sorted(path.name for path in shell.folder.iterdir() if path.is_file()) == ["out"]


def test_the_day_of_utc(shell: Shell) -> None:
    """Times are in UTC wherever they are read."""
    send_odd(shell)
    (row, *_) = read_parquet(exported(shell, "parquet", "out"))
    assert row["time"] == datetime(2023, 11, 14, 22, 13, 19, tzinfo=UTC)
