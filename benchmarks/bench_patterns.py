"""
How many messages get the pattern that a person would give them, and what that costs.

Over loghub's samples, beside drain3 with its default settings (see `--python`).

GA is grouping accuracy: the share of messages whose group is exactly that of the person (source: Zhu et al.
2019, "Tools and Benchmarks for Automated Log Parsing"). FGA is the F1 of groups, which counts a group of one
message as much as one of a thousand (source: Jiang et al. 2024, "A Large-Scale Evaluation for Log Parsing
Techniques: How Far Are We?")::

    python -m benchmarks.bench_patterns --python peers/bin/python
    python -m benchmarks.bench_patterns --loghub FOLDER --json patterns.json
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.measure import ROOT, machine_facts, write_json
from pylogtap_collector import patterns
from tests.support.loghub import HOW_TO_GET, find_folder, read_samples

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tests.support.loghub import Sample


class Agreement(NamedTuple):
    """
    How groups agree with a person's.

    Attributes:
        ga: Share of the messages whose group is exactly the person's.
        fga: Harmonic mean of the shares of the groups, and of the person's groups, that agree.
        agreeing: Messages whose group is exactly the person's.
        groups: How many groups there are.
    """

    ga: float
    fga: float
    agreeing: int
    groups: int


def agreement(truth: Sequence[Hashable], found: Sequence[Hashable]) -> Agreement:
    """
    Compare two groupings of the same messages.

    Args:
        truth: The person's group of each message; at least one.
        found: The group to be judged of each message.
    """
    theirs, ours = set(_groups(truth)), _groups(found)
    same = [group for group in ours if group in theirs]
    agreeing = sum(map(len, same))
    return Agreement(agreeing / len(truth), 2 * len(same) / (len(ours) + len(theirs)), agreeing, len(ours))


def _groups(keys: Sequence[Hashable]) -> list[frozenset[int]]:
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        members[key].append(index)
    return [frozenset(group) for group in members.values()]


def measure_mask(sample: Sample, rounds: int) -> dict[str, Any]:
    """Mask a system's messages; the time is that with an empty memory of words, the median of the rounds."""
    messages, seconds, masked = sample.messages, [], [""]
    for _ in range(rounds):
        importlib.reload(patterns)  # has seen no word yet
        started = time.perf_counter()
        masked = [patterns.mask(message) for message in messages]
        seconds.append(time.perf_counter() - started)
    return _row(sample, masked, statistics.median(seconds))


def measure_drain(python: str, folder: Path, samples: list[Sample]) -> list[dict[str, Any]] | None:
    """Return drain3's rows, or None where it is not installed."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "collector")])
    process = subprocess.run(
        [python, "-m", "benchmarks.drain_probe", str(folder.resolve())],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        print(f"drain3 is left out: {process.stderr.strip().rpartition(chr(10))[2]}")
        return None
    results = [json.loads(line) for line in process.stdout.splitlines()]
    pairs = zip(samples, results, strict=True)
    return [_row(sample, result["groups"], result["seconds"]) for sample, result in pairs]


def _row(sample: Sample, groups: Sequence[Hashable], seconds: float) -> dict[str, Any]:
    result = agreement(sample.events, groups)
    us = seconds / len(groups) * 1e6
    return {"system": sample.system, "messages": len(groups), "us": us, **result._asdict()}


def total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the means over the systems, and the sums of messages and groups."""
    means = {key: statistics.mean(row[key] for row in rows) for key in ("ga", "fga", "us")}
    sums = {key: sum(row[key] for row in rows) for key in ("messages", "agreeing", "groups")}
    return {"system": "all", **means, **sums}


def table(samples: Sequence[Sample], peers: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return a table in Markdown: the systems, and what each peer made of them."""
    titles = [f"{name} {title}" for name in peers for title in ("GA", "FGA", "groups", "µs")]
    lines = ["| system | patterns | " + " | ".join(titles) + " |", "|---|" + "--:|" * (len(titles) + 1)]
    patterns_of = [len(set(sample.events)) for sample in samples]
    by_system = zip(*([*rows, total(rows)] for rows in peers.values()), strict=True)
    for known, rows in zip([*patterns_of, sum(patterns_of)], by_system, strict=True):
        texts = [f"{row['ga']:.3f} | {row['fga']:.3f} | {row['groups']} | {row['us']:.1f}" for row in rows]
        lines.append(f"| {rows[0]['system']} | {known} | " + " | ".join(texts) + " |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--loghub", help="folder of the samples")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has drain3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round: does it run at all?")
    parser.add_argument("--json", type=Path, help="write the result here")
    options = parser.parse_args(arguments)
    folder = find_folder(options.loghub)
    if folder is None:
        parser.error(f"{HOW_TO_GET}, or give it as --loghub")
    samples = read_samples(folder)
    peers = {"mask": [measure_mask(sample, 1 if options.quick else options.rounds) for sample in samples]}
    drain = measure_drain(options.python, folder, samples)
    if drain is not None:
        peers["drain3"] = drain
    print(machine_facts())
    print("\n".join(table(samples, peers)))
    summary = {name: total(rows) for name, rows in peers.items()}
    for name, row in summary.items():
        print(f"{name}: {row['agreeing']} of {row['messages']} messages have exactly the person's group")
    write_json(options.json, {"systems": peers, "summary": summary})


if __name__ == "__main__":
    main()
