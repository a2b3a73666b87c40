"""Several processes of one prefix: workers have numbers, and forked children begin anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pylogtap.shipper import deliver_orphans
from tests.support.measured import read_measured
from tests.support.receiver import Receiver, ReceiverTransport
from tests.support.spooled import DEAD_URL

ROOT = Path(__file__).parents[3]
TAKER = """
import sys
from pylogtap.process.sending import take_number
print(take_number(sys.argv[1], "shop/checkout/web-1")[0], flush=True)
sys.stdin.read()
"""


def run(tmp_path: Path, program: str) -> Receiver:
    """Run a program that forks, without a collector, and return what it has left."""
    subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT), "PYLOGTAP_URL": DEAD_URL, "PYLOGTAP_CONSOLE": "off",
            "PYLOGTAP_SPOOL_DIR": str(tmp_path / "spool"), "PYLOGTAP_EXIT_TIMEOUT_S": "0",
        },
        check=True, timeout=60,
    )  # fmt: skip
    receiver = Receiver()
    for directory in (tmp_path / "spool").iterdir():
        deliver_orphans(str(directory), frozenset(), ReceiverTransport(receiver), lambda _: None)
    return receiver


def begin(folder: Path) -> subprocess.Popen[str]:
    """Start a process that takes a number, and holds it until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", TAKER, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def number_of(process: subprocess.Popen[str]) -> int:
    """Return the number that a process has taken."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_numbers_of_workers(tmp_path: Path) -> None:
    """Each process has a number of its own; one that has ended leaves it to the next."""
    workers = [begin(tmp_path) for _ in range(3)]
    numbers = [number_of(each) for each in workers]
    assert sorted(numbers) == [1, 2, 3]
    place = numbers.index(2)
    workers[place].kill()
    workers[place].communicate()
    workers[place] = begin(tmp_path)
    assert number_of(workers[place]) == 2
    for each in workers:
        each.communicate()


def test_a_forked_child_begins_anew(tmp_path: Path) -> None:
    """A child has a thread, a spool and a label of its own; parent and child both send a last sample."""
    program = """
        import os, time, pylogtap
        pylogtap.init("shop/checkout/web-1", process_metrics=True, process_metrics_interval_s=0.1)
        time.sleep(0.3)
        child = os.fork()
        time.sleep(0.5)
        if child:
            os.waitpid(child, 0)
        """
    labels: dict[str | None, int] = {}
    for each in read_measured(run(tmp_path, program).payloads):
        (found,) = [sample for sample in each.samples if sample[0] == "process.threads"]
        label = (found[4] or {}).get("worker")
        labels[label] = labels.get(label, 0) + 1
    assert set(labels) == {None, "2"}
    assert min(labels.values()) >= 2


def test_threads_of_a_forked_child_begin_together(tmp_path: Path) -> None:
    """However many threads of a child write first, all use its own segments, and nothing gets lost."""
    program = """
        import logging, os, threading, pylogtap
        pylogtap.init("shop/checkout/web-1", capture=False)
        logging.info("parent")
        for _ in range(20):
            if os.fork():
                os.wait()
                continue
            start = threading.Barrier(8)
            def work(number):
                start.wait()
                logging.info("child %d", number)
            threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
            for each in threads: each.start()
            for each in threads: each.join()
            os._exit(0)
        """
    assert len(run(tmp_path, program).records()) == 1 + 20 * 8


UWSGI = """
import json, os, sys, time, types
import _thread
threads = []
begin = _thread.start_new_thread
_thread.start_new_thread = lambda *arguments: (threads.append(os.getpid()), begin(*arguments))[1]
uwsgi = types.ModuleType("uwsgi")
uwsgi.opt, worker, hooks = {options}, [0], []
uwsgi.worker_id = lambda: worker[0]
uwsgi.post_fork_hook = lambda: hooks.append(os.getpid())
sys.modules["uwsgi"] = uwsgi
import pylogtap
pylogtap.init("shop/checkout/web-1")
log = pylogtap.get_logger()
log.info("before the fork")
seen = [len(threads)]
if not os.fork():  # as uWSGI does it: the hook is called in the child
    worker[0] = 1
    uwsgi.post_fork_hook()
    seen.append(len(threads))
    log.info("in a worker")
    seen.append(len(threads))
    print(json.dumps(seen), flush=True)
    os._exit(0)
os.wait()
worker[0] = 2
uwsgi.post_fork_hook()  # without a master, this process becomes a worker as well
print(json.dumps([len(threads), len(hooks)]), flush=True)
"""


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [[0, 0, 1], [1, 1]]), ({"enable-threads": True}, [[1, 1, 2], [1, 1]])],
    ids=["without", "threads"],
)
def test_no_thread_before_uwsgi_forks(
    tmp_path: Path, options: dict[str, bool], expected: list[list[int]]
) -> None:
    """Where uWSGI forks without a word to the interpreter, no thread runs then; all begin behind it."""
    told = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", UWSGI.replace("{options}", repr(options))],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT), "PYLOGTAP_URL": DEAD_URL, "PYLOGTAP_CONSOLE": "off",
            "PYLOGTAP_SPOOL_DIR": str(tmp_path / "spool"), "PYLOGTAP_EXIT_TIMEOUT_S": "0",
        },
        check=True, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    assert [json.loads(line) for line in told.stdout.splitlines()] == expected
