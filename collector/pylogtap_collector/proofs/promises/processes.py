"""What holds in processes that fork, in servers, in signal handlers, at the end of the interpreter."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

_ONCE = "Each call that had returned is stored once, and whole."
_ZERO = "0 lost, 0 duplicated, 0 torn"
_SERVED = "Each line of a request that was answered is stored once, and whole."
_SERVER = "all its processes are killed (SIGKILL) right behind the last answer"

PROMISES: tuple[Promise, ...] = (
    Promise(
        "forks",
        "A process forks while its threads log; the children log, fork again, and end by `os._exit`",
        f"{_ONCE} No process hangs.",
        f"{_ZERO}, 0 hung",
    ),
    Promise(
        "processes-of-all-kinds",
        "Pools of multiprocessing (spawn and fork), forks in a thread and before the first record, children"
        " that are killed, other programs that inherit the environment",
        f"{_ONCE} Each process has a stream of its own.",
        f"{_ZERO}, 0 hung, 0 in another's stream",
    ),
    Promise(
        "gunicorn-preload", f"gunicorn with an application loaded before it forks; {_SERVER}", _SERVED, _ZERO
    ),
    Promise("gunicorn-gevent", f"gunicorn with workers of gevent; {_SERVER}", _SERVED, _ZERO),
    Promise(
        "gunicorn-gevent-preload",
        f"gunicorn with workers of gevent, which patches Python behind `init`; {_SERVER}",
        _SERVED,
        _ZERO,
    ),
    Promise("uwsgi", f"uWSGI without `--enable-threads`; {_SERVER}", _SERVED, _ZERO),
    Promise("uwsgi-threads", f"uWSGI with `--enable-threads`; {_SERVER}", _SERVED, _ZERO),
    Promise(
        "celery",
        "celery with forked workers, which sets up logging of its own; all its processes are killed (SIGKILL)"
        " right behind the last result",
        "Each line of a task whose result was there is stored once, and whole.",
        _ZERO,
    ),
    Promise(
        "gevent",
        "gevent replaces threads, locks and sockets before or after `init`; the collector answers, or is"
        " silent",
        "No other greenlet runs before a logging call returns, and nothing hangs or is lost.",
        f"0 calls that gave way, {_ZERO}",
    ),
    Promise(
        "signal-storm",
        "Handlers of three signals log while the program does, in the midst of its calls and of each other's",
        f"{_ONCE} Nothing hangs.",
        f"{_ZERO}, no hang of 10 s",
    ),
    Promise(
        "finalizers",
        "`__del__` logs while the garbage collector runs in the midst of logging calls of four threads",
        f"{_ONCE} Nothing hangs.",
        f"{_ZERO}, no hang of 10 s",
    ),
    Promise(
        "logging-while-formatting",
        "`__str__` of an argument and a filter of the handler log themselves, also where they fail",
        f"{_ONCE} Nothing hangs.",
        f"{_ZERO}, no hang of 10 s",
    ),
    Promise(
        "http-debug-logs",
        "The program logs at DEBUG, `http.client` prints what it sends, and what is printed is logged",
        "Our deliveries make no records, so nothing feeds itself.",
        f"{_ZERO}, 0 records of our own deliveries",
    ),
    Promise(
        "interpreter-end",
        "The program ends in order, by `sys.exit` or by an exception; exit functions, threads and `__del__`"
        " log to the last; the collector is away, or takes connections and is silent",
        "The end is delayed by at most 2 s, no thread is started in it, and each line is delivered later,"
        " once.",
        f"at most 2.5 s, 0 threads, {_ZERO}",
    ),
    Promise(
        "event-loop-lag",
        "A coroutine logs 1,000 lines a second; the collector answers, or is silent",
        "The event loop is as punctual as without.",
        "p99 of its lag at most 1 ms more than without logging",
    ),
    Promise(
        "busy-neighbour",
        "Another thread keeps the interpreter busy",
        "A logging call does not wait for it, as one does that writes to a file.",
        "p99 of a call at most 5 times that of a handler that does nothing",
    ),
)
