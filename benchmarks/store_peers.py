"""
What bench_store.py compares the collector's store with.

One process each, run by the peers' Python::

    python benchmarks/store_peers.py sqlite|duckdb|chdb|rg FOLDER DATA

Reads commands from standard input, a JSON object a line, and answers each with one: ``load`` stores the
records of FOLDER in DATA, ``open`` takes what is there, ``ask`` puts one of the eight questions.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

COLUMNS = ("ts", "level", "project", "service", "instance", "logger", "msg", "pid", "trace_id", "took_ms")
_BATCH = 5_000
_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE


class Peer:
    """A store that is asked in its own process."""

    def __init__(self, data: Path, facts: dict[str, Any]) -> None:
        """
        Store nothing yet.

        Args:
            data: Its folder.
            facts: What to ask for.
        """
        self.data = data
        self.facts = facts
        middle = (facts["first_us"] + facts["last_us"]) // 2
        self.hour = (middle, middle + _HOUR)

    def load(self, records: Path) -> None:
        """Store all records."""
        raise NotImplementedError

    def open(self) -> None:
        """Take what was stored before."""

    def bytes(self) -> int:
        """Return the bytes on the disk."""
        return sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())

    def ask(self, question: str) -> Any:
        """Return the answer to a question: times of records, or a number."""
        found: Any = getattr(self, question)()
        return found


class _Sql(Peer):
    """Questions in SQL."""

    word = rare = part = ""  # conditions
    masked = ""  # the message without what varies

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query."""
        raise NotImplementedError

    def last(self) -> Any:
        """Return the newest records of a service."""
        service = self.facts["service"]
        return _times(self.rows(f"SELECT * FROM logs WHERE service = '{service}' ORDER BY ts DESC LIMIT 100"))

    def few(self) -> Any:
        """Return those with a rare word."""
        return _times(self.rows(f"SELECT logs.* FROM logs WHERE {self.rare} ORDER BY ts DESC LIMIT 100"))

    def count(self) -> Any:
        """Count those with a common word."""
        return self.rows(f"SELECT count(*) FROM logs WHERE {self.word}")[0][0]

    def newest(self) -> Any:
        """Return the newest with a common word."""
        return _times(self.rows(f"SELECT logs.* FROM logs WHERE {self.word} ORDER BY ts DESC LIMIT 100"))

    def substring(self) -> Any:
        """Return those with a part of a word."""
        return _times(self.rows(f"SELECT logs.* FROM logs WHERE {self.part} ORDER BY ts DESC LIMIT 100"))

    def level(self) -> Any:
        """Count errors of an hour."""
        begin, end = self.hour
        where = f"level = 'ERROR' AND ts >= {begin} AND ts < {end}"
        return self.rows(f"SELECT count(*) FROM logs WHERE {where}")[0][0]

    def minutes(self) -> Any:
        """Count each minute of all."""
        return len(self.rows(f"SELECT ts / {_MINUTE} AS m, count(*) FROM logs GROUP BY m ORDER BY m"))

    def patterns(self) -> Any:
        """Count by message without what varies."""
        self.rows(f"SELECT {self.masked} AS p, count(*) AS n FROM logs GROUP BY p ORDER BY n DESC LIMIT 20")


def _times(rows: list[tuple[Any, ...]]) -> list[int]:
    return [row[0] for row in rows]


class Sqlite(_Sql):
    """One table with indexes and an index of words."""

    masked = "logger || level"  # SQLite has no function for more

    def _connect(self) -> None:
        import sqlite3

        self.connection = sqlite3.connect(self.data / "logs.db", isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -32000"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        match = "rowid IN (SELECT rowid FROM words WHERE words MATCH '{}')"
        self.word, self.rare = match.format(self.facts["word"]), match.format(self.facts["rare"])
        self.part = f"msg LIKE '%{self.facts['part']}%'"

    open = _connect

    def load(self, records: Path) -> None:
        """Store all records."""
        self._connect()
        run = self.connection.execute
        run(f"CREATE TABLE logs ({', '.join(COLUMNS)})")
        run("CREATE VIRTUAL TABLE words USING fts5(msg, content=logs, tokenize=\"unicode61 tokenchars '_'\")")
        for columns in ("service, ts", "level, ts", "ts"):
            run(f"CREATE INDEX by_{columns.replace(', ', '_')} ON logs ({columns})")
        marks = ", ".join("?" * len(COLUMNS))
        with records.open() as lines:
            rowid = 0
            while batch := [json.loads(line) for line in itertools.islice(lines, _BATCH)]:
                run("BEGIN")
                rows = [tuple(record[name] for name in COLUMNS) for record in batch]
                self.connection.executemany(f"INSERT INTO logs VALUES ({marks})", rows)
                words = [(rowid + number, row[6]) for number, row in enumerate(rows, 1)]
                self.connection.executemany("INSERT INTO words (rowid, msg) VALUES (?, ?)", words)
                run("COMMIT")
                rowid += len(rows)
        run("INSERT INTO words (words) VALUES ('optimize')")
        run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query."""
        return self.connection.execute(sql).fetchall()


class Duckdb(_Sql):
    """A table of columns, read from the file in one go."""

    masked = "regexp_replace(msg, '[0-9]+', 'N', 'g')"

    def open(self) -> None:
        """Take what was stored before."""
        import duckdb

        self.connection = duckdb.connect(str(self.data / "logs.duckdb"))
        self.word = f"contains(msg, '{self.facts['word']}')"
        self.rare = f"contains(msg, '{self.facts['rare']}')"
        self.part = f"contains(msg, '{self.facts['part']}')"

    def load(self, records: Path) -> None:
        """Store all records."""
        self.open()
        self.connection.execute(f"CREATE TABLE logs AS SELECT * FROM read_json('{records}')")
        self.connection.execute("CHECKPOINT")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query."""
        found: list[tuple[Any, ...]] = self.connection.execute(sql.replace("ts / ", "ts // ")).fetchall()
        return found


class Chdb(_Sql):
    """ClickHouse in the process: MergeTree by service and time, codecs and a filter of words."""

    masked = "replaceRegexpAll(msg, '[0-9]+', 'N')"

    def open(self) -> None:
        """Take what was stored before."""
        from chdb.session import Session

        self.session = Session(str(self.data / "session"))
        self.word = f"hasToken(msg, '{self.facts['word']}')"
        self.rare = f"hasToken(msg, '{self.facts['rare']}')"
        self.part = f"position(msg, '{self.facts['part']}') > 0"
        self.session.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")
        self.session.query("USE bench")
        self.session.query("SET use_query_condition_cache = 0")  # it would remember what had no match

    def load(self, records: Path) -> None:
        """Store all records."""
        self.open()
        self.session.query(
            """
            CREATE TABLE logs (
                ts Int64 CODEC(Delta, ZSTD(3)), level LowCardinality(String), project LowCardinality(String),
                service LowCardinality(String), instance LowCardinality(String),
                logger LowCardinality(String),
                msg String CODEC(ZSTD(3)), pid Int64 CODEC(ZSTD(3)), trace_id Nullable(String) CODEC(ZSTD(3)),
                took_ms Nullable(Float64) CODEC(ZSTD(3)),
                INDEX words msg TYPE tokenbf_v1(16384, 3, 0) GRANULARITY 1
            ) ENGINE = MergeTree ORDER BY (service, ts)
            """
        )
        self.session.query(f"INSERT INTO logs SELECT * FROM file('{records}', 'JSONEachRow')")
        self.session.query("OPTIMIZE TABLE logs FINAL")

    def bytes(self) -> int:
        """Return the bytes of active parts."""
        sql = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench'"
        return int(self.rows(sql)[0][0])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query."""
        text = str(
            self.session.query(sql.replace(f"ts / {_MINUTE}", f"intDiv(ts, {_MINUTE})"), "JSONCompactEachRow")
        )
        return [tuple(_number(each) for each in json.loads(line)) for line in text.splitlines() if line]


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


class Rg(Peer):
    """Plain lines, and ripgrep."""

    def load(self, records: Path) -> None:
        """Store all records."""
        self.data.mkdir(parents=True, exist_ok=True)
        os.link(records, self.data / "records.jsonl")

    @property
    def _file(self) -> str:
        return str(self.data / "records.jsonl")

    def _newest(self, text: str) -> list[int]:
        out = subprocess.run(
            f"tac '{self._file}' | grep -F -m100 '{text}'", shell=True, capture_output=True, check=False
        ).stdout  # fmt: skip
        return [json.loads(line)["ts"] for line in out.splitlines()]

    def _all(self, text: str) -> list[int]:
        out = subprocess.run(["rg", "-F", text, self._file], capture_output=True, check=False).stdout
        return [json.loads(line)["ts"] for line in out.splitlines()][:-101:-1]

    def last(self) -> Any:
        """Return the newest records of a service."""
        return self._newest(f'"service":"{self.facts["service"]}"')

    def few(self) -> Any:
        """Return those with a rare word."""
        return self._all(self.facts["rare"])

    def count(self) -> Any:
        """Count those with a common word."""
        found = subprocess.run(
            ["rg", "-c", "-F", self.facts["word"], self._file], capture_output=True, check=False
        )
        return int(found.stdout)

    def newest(self) -> Any:
        """Return the newest with a common word."""
        return self._newest(self.facts["word"])

    def substring(self) -> Any:
        """Return those with a part of a word."""
        return self._all(self.facts["part"])


PEERS = {"sqlite": Sqlite, "duckdb": Duckdb, "chdb": Chdb, "rg": Rg}


def main() -> None:
    """Serve commands until there are no more."""
    name, folder, data = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    facts = json.loads((folder / "facts.json").read_text())
    data.mkdir(parents=True, exist_ok=True)
    peer = PEERS[name](data, facts)
    for line in sys.stdin:
        command = json.loads(line)
        began, cpu = time.perf_counter(), _cpu()
        answer: Any = None
        if command["do"] == "load":
            peer.load((folder / "records.jsonl").resolve())
        elif command["do"] == "open":
            peer.open()
        elif hasattr(peer, command["question"]):
            answer = peer.ask(command["question"])
        else:
            answer = "cannot"
        report = {
            "ms": (time.perf_counter() - began) * 1e3,
            "cpu_s": _cpu() - cpu,
            "answer": answer,
            "bytes": peer.bytes() if command["do"] != "ask" else None,
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(report), flush=True)


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
