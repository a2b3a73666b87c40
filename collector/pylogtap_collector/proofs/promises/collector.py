"""What the collector holds to when it is killed, attacked, full, or its database is damaged."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = (
    Promise(
        "collector-killed",
        "The collector is killed (SIGKILL) at random moments while it takes in, and starts again",
        "Each call that had returned is stored once, and whole; SQLite finds the file sound.",
        "0 lost, 0 duplicated, 0 torn",
    ),
    Promise(
        "bombs-and-silence",
        "Bodies inflate to a multiple of what is taken, and clients connect and then say nothing",
        "Bombs are refused (413), memory is bounded, and others are answered meanwhile.",
        "99 of 100 answers within 50 ms, less than 64 MiB more",
    ),
)
