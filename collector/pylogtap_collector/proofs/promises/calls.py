"""What holds when the application dies."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = (
    Promise(
        "application-killed",
        "The application is killed (SIGKILL) at random moments while four threads log",
        "Each call that had returned is stored once, and whole.",
        "0 lost, 0 duplicated, 0 torn",
    ),
    Promise(
        "application-killed-rotating",
        "The same, with so small segments that the kills meet the change from one to the next",
        "Each call that had returned is stored once, and whole.",
        "0 lost, 0 duplicated, 0 torn",
    ),
)
