"""What holds when the application dies, and with what it leaves behind."""

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
)
