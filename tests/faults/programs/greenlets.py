"""
Log from greenlets, where gevent has replaced threads, locks and sockets.

::

    python -m tests.faults.programs.greenlets PREFIX WHEN RECORDS live|silent

WHEN says when gevent did that: `before` the import of pylogtap, `between` import and `init`, or `after`.
Where the collector is live, it then stays busy without giving way until everything is delivered. Tells what
was not, in how many calls another greenlet ran, how often the others ran at all, and the records of each.
"""

from __future__ import annotations

import sys
import time

import gevent
import gevent.monkey

GREENLETS = 8
PATIENCE_S = 20 if "live" in sys.argv else 0


def patch(now: str) -> None:
    """Replace what gevent replaces, if it is time."""
    if sys.argv[2] == now:
        gevent.monkey.patch_all()


def main() -> None:
    """Log while another greenlet counts its turns."""
    patch("before")
    import pylogtap
    from tests.faults.programs.lines import Lines, tell

    patch("between")
    lines = Lines(sys.argv[1])
    patch("after")
    turns = given_way = 0
    records = int(sys.argv[3])
    running = True

    def count() -> None:
        nonlocal turns
        while running:
            turns += 1
            gevent.sleep(0)

    def work(writer: int) -> None:
        nonlocal given_way
        for number in range(1, records + 1):
            before = turns
            lines.log(writer, number)
            given_way += turns != before
            if number % 50 == 0:
                gevent.sleep(0)

    counter = gevent.spawn(count)
    gevent.joinall([gevent.spawn(work, writer) for writer in range(GREENLETS)], raise_error=True)
    running = False
    counter.join()
    until = time.monotonic() + PATIENCE_S
    while pylogtap.stats().spooled and time.monotonic() < until:  # and give way to nobody
        pass
    tell({"left": pylogtap.stats().spooled, "given_way": given_way, "turns": turns, "records": records})


if __name__ == "__main__":
    main()
