"""
Groups loghub's messages by drain3 with its default settings, for bench_patterns.py.

Run by an interpreter that has drain3; prints one JSON object a system, in the order of the samples::

    python -m benchmarks.drain_probe FOLDER
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from pathlib import Path

from tests.support.loghub import read_samples


def main(folder: Path) -> None:
    """Group each system by a miner of its own."""
    logging.disable()  # drain3 says that it has no configuration file: the defaults are what is wanted
    drain3 = importlib.import_module("drain3")
    for sample in read_samples(folder):
        miner, messages = drain3.TemplateMiner(), sample.messages
        started = time.perf_counter()
        groups = [miner.add_log_message(message)["cluster_id"] for message in messages]
        seconds = time.perf_counter() - started
        print(json.dumps({"system": sample.system, "groups": groups, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
