"""
The process that bench_loss.py kills: logs numbered records at a steady rate through one peer, for ever.

With a rate of zero it is the process that comes after: it sets the same peer up again, and gives it time to
deliver what the dead one left. Run by the interpreter that has the peers::

    python -m benchmarks.loss_probe PEER URL PORT FOLDER RATE
"""

from __future__ import annotations

import importlib
import itertools
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers import LOGGER, PEERS, PREFIX, Target
from pylogtap_collector.proofs.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable

ORACLE = "oracle"
RECORD = "id=%s;"  # the number is looked for as this text, in whatever encoding it was shipped
RECOVERY_S = 2.0
_PAUSE_S = 0.0005


def text_call(name: str) -> Callable[[str], Any]:
    """Return what logs one line of text with a peer that has been set up."""
    match name:
        case "pylogtap_own":
            logger = importlib.import_module("pylogtap").get_logger(PREFIX)
        case "logfire":
            logger = importlib.import_module("logfire")
        case "loguru":
            logger = importlib.import_module("loguru").logger
        case "structlog":
            logger = importlib.import_module("structlog").get_logger(LOGGER)
        case "picologging":
            logger = importlib.import_module("picologging").getLogger(LOGGER)
        case _:
            extra = {
                "order": 1,
                "shop": "north",
                "vip": True,
            }  # the formatter of the fluent peer asks for them
            standard = logging.getLogger(LOGGER)
            return lambda text: standard.info(text, extra=extra)
    call: Callable[[str], Any] = logger.info
    return call


def log_for_ever(call: Callable[[str], Any], oracle: Oracle, rate: float) -> None:
    """Log at most `rate` records a second; tell the oracle of each call that returned."""
    started = time.perf_counter()
    for number in itertools.count(1):
        call(RECORD % number)
        oracle[0] = number
        while number > (time.perf_counter() - started) * rate:
            time.sleep(_PAUSE_S)


def main() -> None:
    """Log until killed, or recover and leave."""
    name, url, port, folder, rate = sys.argv[1:]
    _, finish = PEERS[name].start(Target(url, int(port), Path(folder)))
    if not float(rate):
        text_call(name)("back again")  # some begin to work with the first record only
        time.sleep(RECOVERY_S)
        finish()
        os._exit(0)
    oracle = Oracle(Path(folder) / ORACLE, 1)
    print("up", flush=True)
    log_for_ever(text_call(name), oracle, float(rate))


if __name__ == "__main__":
    main()
