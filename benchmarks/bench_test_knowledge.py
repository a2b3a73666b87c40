"""
How often what the collector says of tests is right, over made histories whose labels are known.

Runs are posted to a real collector in the order in which they arrive; after each, its report is asked
for, and at the end all tests are listed. `precision` is the share of statements that are right, `recall`
the share of what is to be said that is said. Beside it stand simple rules: Allure's (a test is flaky
where it failed now, and in the five runs before failed after it had passed; source: HistoryPlugin of
allure2), an outcome other than that of the run before, and a duration above the mean and two standard
deviations of those before. The seeds that the rules were tuned by are 1 to 12; figures that are told come
from others::

    python -m benchmarks.bench_test_knowledge --seeds 101 102 --json knowledge.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from benchmarks.knowledge_peers import peers
from benchmarks.knowledge_scores import Told, scores
from benchmarks.knowledge_turns import Score
from benchmarks.made_histories import BEGIN_NS, HOUR_NS, History
from benchmarks.measure import machine_facts, write_json
from tests.support.collector import running_collector

if TYPE_CHECKING:
    from benchmarks.made_histories import MadeRun, Repeats

REPEATS: tuple[Repeats, ...] = ("seldom", "twice", "retried")
_QUICK = 4  # runs
_SERVICE = {"project": "made", "service": "suite"}
_COMMITTED = BEGIN_NS - HOUR_NS // 6  # when the first commit was made


def node_of(history: History, index: int, run: MadeRun) -> str:
    """Return the node of a test in a run."""
    test = history.tests[index]
    return f"{history.file_of(test, run)}::{test.name}"


def document(history: History, run: MadeRun) -> dict[str, Any]:
    """Return a run as it is posted."""
    committed = run.start - HOUR_NS // 10 if run.branch >= 0 else run.commit * HOUR_NS + _COMMITTED
    return {
        **_SERVICE,
        "runner": "made",
        "commit": run.revision,
        "committed": _moment(committed),
        "branch": run.branch_name,
        "dirty": run.dirty,
        "whole": run.files is None,
        "started": _moment(run.start),
        "cases": [
            {
                "node": node_of(history, index, run),
                "file": history.file_of(history.tests[index], run),
                "outcome": outcome,
                "duration_s": seconds,
                "attempts": [{"outcome": "failed"}] * (attempts - 1),
            }
            for index, (outcome, seconds, attempts) in run.outcomes.items()
        ],
    }


def _moment(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat()


async def tell(history: History) -> Told:
    """Post a history to a collector, and return what that says of it."""
    reports, slower = [], []
    async with running_collector() as collector, aiohttp.ClientSession(collector.url) as session:

        async def ask(method: str, path: str, body: Any = None) -> Any:
            async with session.request(method, f"/api/v1/tests{path}", json=body) as answer:
                text = await answer.text()
                assert answer.status < 300, text
                return json.loads(text)

        for run in history.runs:
            made = await ask("POST", "/runs", document(history, run))
            report = await ask("GET", f"/runs/{made['id']}/report")
            nodes = {node_of(history, index, run): index for index in run.outcomes}
            lists = ("new_failures", "still_failing", "flaky_failures", "fixed")
            slower.append(
                {nodes[each["case"]["node"]]: each["test"]["slowdown"]["kind"] for each in report["slower"]}
            )
            reports.append({name: {nodes[each["case"]["node"]] for each in report[name]} for name in lists})
        last = history.runs[-1]
        index_of = {node_of(history, index, last): index for index in range(len(history.tests))}
        index_of |= {f"{test.file}::{test.name}": index for index, test in enumerate(history.tests)}
        tests: dict[int, dict[str, Any]] = {}
        joined: set[int] = set()
        cursor = ""
        while True:
            page = await ask("GET", f"?limit=1000{cursor}")
            for test in page["items"]:
                index = index_of[test["node"]]
                if test["former_nodes"]:
                    same = {index_of[node] for node in test["former_nodes"]} == {index}
                    joined.add(index if same else -1 - index)
                if index not in tests or test["last_seen"] > tests[index]["last_seen"]:
                    tests[index] = test
            if page["next"] is None:
                return Told(reports, slower, tests, joined)
            cursor = f"&cursor={page['next']}"


def show(title: str, found: dict[str, Score]) -> None:
    """Print a table."""
    print(f"\n{title}\n{'statement':44} {'precision':>9} {'recall':>7} {'said':>6} {'true':>6}")
    for name, score in found.items():
        cells = ["-" if value is None else f"{value:.3f}" for value in (score.precision, score.recall)]
        print(f"{name:44} {cells[0]:>9} {cells[1]:>7} {score.said:6} {score.true:6}")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--repeats", choices=REPEATS, nargs="+", default=REPEATS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="only show that it runs")
    parser.add_argument("--wrong", action="store_true", help="print what was wrong")
    options = parser.parse_args()
    document_: dict[str, Any] = {"machine": machine_facts(), "seeds": options.seeds}
    for repeats in options.repeats[: 1 if options.quick else None]:
        total: dict[str, Score] = defaultdict(Score)
        for seed in options.seeds[: 1 if options.quick else None]:
            history = History(seed, repeats)
            if options.quick:
                history.runs = history.runs[:_QUICK]
            told = asyncio.run(tell(history))
            if options.wrong:
                explain(history, told)
            for name, score in {**scores(history, told), **peers(history)}.items():
                total[name] += score
        show(f"commits are repeated: {repeats}; {len(options.seeds)} histories", total)
        document_[repeats] = {
            name: {**score._asdict(), "precision": score.precision, "recall": score.recall}
            for name, score in total.items()
        }
    if options.json:
        write_json(options.json, document_)


def explain(history: History, told: Told) -> None:
    """Print the tests of which something wrong is said, or nothing."""
    slow = {index for each in told.slower for index in each}
    for index, test in enumerate(history.tests):
        row = told.tests.get(index, {})
        wrong = {
            "not listed": not row,
            "flaky?": bool(row.get("flakiness")) != (test.kind == "flaky"),
            "slower?": (index in slow) != (test.kind in {"step", "drift"}),
            "gone?": bool(row.get("gone")) != (test.kind == "removed"),
            "renamed?": (index in told.joined) != (test.kind == "moved"),
        }
        if any(wrong.values()):
            recent = "".join(state[0] for state in row.get("recent", []))
            print(*(name for name, is_so in wrong.items() if is_so), test, recent)


if __name__ == "__main__":
    main()
