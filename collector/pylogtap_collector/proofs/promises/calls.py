"""What holds when the application dies, and what it costs while nobody takes its records."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

_ONCE = "Each call that had returned is stored once, and whole."
_NONE = "0 lost, 0 duplicated, 0 torn"

PROMISES: tuple[Promise, ...] = (
    Promise(
        "application-killed",
        "The application is killed (SIGKILL) at random moments while four threads log",
        _ONCE,
        _NONE,
    ),
    Promise(
        "application-killed-rotating",
        "Applications with so small segments are killed that the kills meet the change from one to the next",
        _ONCE,
        _NONE,
    ),
    Promise(
        "answers-lost",
        "Answers of the collector get lost after it has stored, so that the same is sent again, cut anew",
        "It is stored once, and the client's counters add up.",
        _NONE,
    ),
    Promise(
        "exit-dead-sink",
        "A program ends while its collector refuses, or takes connections and never answers",
        "The end is delayed by two seconds at most; what is left is delivered later.",
        f"delayed by 2 s at most; {_NONE}",
    ),
    Promise(
        "calls-dead-sink",
        "The collector takes connections and never answers: what calls cost",
        "A call takes as long as with a collector that answers.",
        "1.5 times as long at most",
    ),
    Promise(
        "memory-dead-sink",
        "The collector takes connections and never answers: what waits",
        "The program's own memory stays flat: what waits lies in files.",
        "less than 20 MiB more",
    ),
    Promise(
        "segment-damaged",
        "Bits flip in the segments that killed programs have left",
        "Damaged records are skipped, and kept beside the spool; all others arrive.",
        "no record missing but those hit, 0 duplicated, 0 torn",
    ),
)
