"""
What it costs that somebody shows who he is, and whether that cost tells anything.

1. Ingest, by clients as in bench_ingest: into a collector without accounts and keys, with a key for one
   project, and with one for all. One after the other in each round, each on a fresh database; a ratio is to
   the first.
2. Keys: what it takes to judge a right one, and wrong ones of several kinds, in turns in one process. A wrong
   key that takes another time than a right one, or than another wrong one, would tell how much is right.
3. Signing in with a wrong password: for a name that somebody has, and for one that nobody has.

::

    python -m benchmarks.bench_access --clients 8 --seconds 5 --rounds 5
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench_ingest import client_of, figures_of, report_of
from benchmarks.measure import Column, cpu_seconds_of, machine_facts, median_of, print_table, write_json
from pylogtap_collector.access.visitor import Visitor, local
from pylogtap_collector.assembly import Collector
from pylogtap_collector.errors import TooManyAttempts, WrongPassword
from pylogtap_collector.models import KeyIn, SignIn, UserIn
from pylogtap_collector.proofs.daemon import running_daemon
from pylogtap_collector.services.attempts import Attempts
from pylogtap_collector.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pylogtap_collector.proofs.daemon import CollectorProcess

CASE = "64k-zstd"
OPEN = "no key"
KEYS: dict[str, str | None] = {"key of one project": "bench", "key of all projects": None}
COLUMNS = (
    Column("case", "ingest"),
    Column("records_per_s", "records/s", ",.0f"),
    Column("ratio", "x no key", ".3f"),
    Column("cpu_s_per_million", "CPU s/M", ".2f"),
    Column("ack_p99_ms", "ack p99 ms", ".1f"),
)
TIMES = (
    Column("case", "what is shown"),
    Column("median_us", "median us", ",.2f"),
    Column("ratio", "x the first", ".3f"),
)
_BATCH = 50  # judgements that are timed together: one is shorter than the clock is good for


def measure_ingest(clients: int, seconds: float, case: str) -> dict[str, Any]:
    """
    Run a collector under load once.

    Args:
        clients: How many send.
        seconds: How long.
        case: `OPEN`, or one of `KEYS`.
    """
    with tempfile.TemporaryDirectory(prefix="bench-access-") as folder, ExitStack() as stack:
        collector = stack.enter_context(running_daemon(Path(folder)))
        key = None if case == OPEN else _make_key(collector, KEYS[case])
        senders = [stack.enter_context(client_of(collector, seed, CASE, key)) for seed in range(clients)]
        for sender in senders:
            assert sender.stdout is not None
            assert sender.stdout.readline() == "ready\n", "a client failed"
        before = cpu_seconds_of(collector.pid)
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write(f"{seconds}\n")
            sender.stdin.flush()
        result = figures_of([report_of(sender) for sender in senders])
        result["cpu_s_per_million"] = (cpu_seconds_of(collector.pid) - before) * 1e6 / result["records"]
        return result


def _make_key(collector: CollectorProcess, project: str | None) -> str:
    body = json.dumps({"name": "bench", "project": project, "role": "ingest"}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{collector.url}/api/v1/keys", body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["secret"])


async def measure_keys(rounds: int) -> list[dict[str, Any]]:
    """
    Time how long keys are judged, in turns.

    Args:
        rounds: How many times `_BATCH` of each.
    """
    async with Collector(Settings(memory=True, adopt=False)).running() as services:
        here = local()
        for number in range(200):  # other keys, so that looking one up is what it is in real life
            await services.keys.create(KeyIn(name=f"k{number}", project="shop", role="read"), here)
        key = (await services.keys.create(KeyIn(name="k", project="shop", role="read"), here)).secret
        shown = {
            "the right key": key,
            "the last character differs": key[:-1] + ("A" if key[-1] != "A" else "B"),
            "the first of the secret differs": f"{key[:15]}{'A' if key[15] != 'A' else 'B'}{key[16:]}",
            "a beginning that no key has": f"plt_zzzzzzzzzz{key[14:]}",
            "no key at all": "x" * len(key),
        }

        def judge(text: str) -> float:
            visitor, began = services.directory.visitor, time.perf_counter()
            for _ in range(_BATCH):
                visitor(text, None, "127.0.0.1", may_be_local=False)
            return (time.perf_counter() - began) / _BATCH * 1e6

        return _in_turns(shown, judge, rounds)


async def measure_sign_ins(rounds: int) -> list[dict[str, Any]]:
    """
    Time refused sign-ins, in turns.

    Args:
        rounds: How many of each.
    """
    async with Collector(Settings(memory=True, adopt=False)).running() as services:
        await services.users.add(UserIn(name="ada", password="correct horse battery"), local())
        services.sessions._attempts = Attempts(lambda: time.monotonic() * 1e6)  # noqa: SLF001 - lets nobody wait
        stranger, times = Visitor(address="127.0.0.1"), dict[str, list[float]](ada=[], nobody=[])
        for _ in range(rounds):
            for name, own in times.items():
                began = time.perf_counter()
                try:
                    await services.sessions.open(SignIn(name=name, password="wrong"), stranger, "bench")
                except (WrongPassword, TooManyAttempts):
                    own.append((time.perf_counter() - began) * 1e6)
    names = {"ada": "a name that somebody has", "nobody": "a name that nobody has"}
    return _rows({names[name]: own for name, own in times.items()})


def _in_turns(shown: dict[str, str], judge: Callable[[str], float], rounds: int) -> list[dict[str, Any]]:
    times: dict[str, list[float]] = {case: [] for case in shown}
    for _ in range(rounds):
        for case, text in shown.items():
            times[case].append(judge(text))
    return _rows(times)


def _rows(times: dict[str, list[float]]) -> list[dict[str, Any]]:
    first = next(iter(times.values()))
    return [
        {
            "case": case,
            "median_us": statistics.median(own),
            "ratio": statistics.median(one / base for one, base in zip(own, first, strict=True)),
        }
        for case, own in times.items()
    ]


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Condense rounds of ingest to one row a case; a ratio is the median of those within the rounds."""
    base = {row["round"]: row["records_per_s"] for row in rows if row["case"] == OPEN}
    condensed = []
    for case in (OPEN, *KEYS):
        own = [row for row in rows if row["case"] == case]
        medians = {column.key: median_of(own, column.key) for column in COLUMNS if column.key != "case"}
        ratio = statistics.median(row["records_per_s"] / base[row["round"]] for row in own)
        condensed.append(medians | {"case": case, "ratio": ratio})
    return condensed


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all of it, and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one short round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    rounds, seconds = (1, 0.5) if options.quick else (options.rounds, options.seconds)
    rows = [
        {"round": number, "case": case, **measure_ingest(options.clients, seconds, case)}
        for number in range(rounds)
        for case in (OPEN, *KEYS)
    ]
    ingest = summary(rows)
    keys = asyncio.run(measure_keys(20 if options.quick else 4_000))
    sign_ins = asyncio.run(measure_sign_ins(2 if options.quick else 60))
    print(f"{machine_facts()}; {options.clients} clients, {rounds} rounds of {seconds:g} s")
    for columns, table in ((COLUMNS, ingest), (TIMES, keys), (TIMES, sign_ins)):
        print_table(columns, table)
        print()
    write_json(options.json, {"rounds": rows, "summary": ingest, "keys": keys, "sign_ins": sign_ins})


if __name__ == "__main__":
    main()
