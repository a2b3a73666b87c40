"""What the collector holds to when it is killed, attacked, full, or its database is damaged."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

_SERVED = "others answered in < 50 ms (p99), memory grows by < 64 MiB"

PROMISES: tuple[Promise, ...] = (
    Promise(
        "collector-killed",
        "The collector is killed (SIGKILL) at random moments while it takes in, and starts again",
        "Each call that had returned is stored once, and whole; SQLite finds the file sound.",
        "0 lost, 0 duplicated, 0 torn",
    ),
    Promise(
        "upgrade-killed",
        "The collector is killed (SIGKILL) while it brings an earlier version's database up to date",
        "The next start goes on: all records and their counts are there, the copy too, the file is sound.",
        "0 lost, at any statement",
    ),
    Promise(
        "shippers-otlp",
        "The collector is killed at random moments while OpenTelemetry's exporter delivers",
        "What the exporter does not give up by itself is stored once.",
        "0 lost, 0 duplicated",
    ),
    Promise(
        "shippers-elastic",
        "The collector is killed while Elasticsearch's client delivers, and repeats what failed",
        "Each line is stored once.",
        "0 lost, 0 duplicated",
    ),
    Promise(
        "containers-collector-killed",
        "The collector is killed at random moments while a container writes, and the engine rotates its log",
        "Each line is stored once.",
        "0 lost, 0 duplicated",
    ),
    Promise(
        "containers-engine-killed",
        "The container engine is stopped or killed while a container writes, and comes back",
        "What the engine has is stored once.",
        "0 lost, 0 duplicated",
    ),
    Promise(
        "bombs-and-silence",
        "Bodies of gzip inflate to a multiple of what is taken; a hundred clients connect and say nothing",
        "Bombs are refused; everybody else is served as before.",
        _SERVED,
    ),
    Promise(
        "bombs",
        "Bodies that inflate to a multiple (five compressions), nested and endless msgpack and JSON",
        "Each is refused at its limit, or kept as what it is; everybody else is served as before.",
        _SERVED,
    ),
    Promise(
        "bombs-ports",
        "The same on the ports for Fluent Forward, syslog, GELF and JSON lines",
        "Each connection holds no more than its limit; everybody else is served as before.",
        _SERVED,
    ),
    Promise(
        "slow-clients",
        "Clients that are silent, stop in the middle of a header or body, or send a byte a second",
        "They are cut off within the seconds of the settings.",
        f"cut off after 5 s (header) and 15 s (body); {_SERVED}",
    ),
    Promise(
        "connection-flood",
        "Thousands of connections that ask nothing, on all ports",
        "Those that ask nothing are closed first; whoever asks gets in.",
        f"0 requests refused; {_SERVED}",
    ),
    Promise(
        "cardinality",
        "Each slice comes from another stream, service and process, with fields that no other has",
        "All is stored; what is kept in memory of them is bounded.",
        _SERVED,
    ),
    Promise(
        "readers-that-never-read",
        "Followers of the tail, and readers of an export, that take nothing of what they asked for",
        "They miss records, and are told how many; nothing else waits for them.",
        _SERVED,
    ),
    Promise(
        "database-recovered",
        "Pages of the database are overwritten at random, or its end is cut off",
        "`pylogtap recover` brings back all that no damaged page held, and nothing twice.",
        "0 records outside of damaged pages lost, 0 twice",
    ),
    Promise(
        "database-set-aside",
        "The database is damaged, or none, when the collector starts or while it runs",
        "It is set aside, kept and reported; the collector goes on, and what can be read is put back.",
        "starts, 0 acknowledged afterwards lost",
    ),
    Promise(
        "database-gone",
        "The database's file is removed or replaced while the collector uses it",
        "Nothing is acknowledged from then on; the clients keep it. /readyz says why.",
        "503, 0 acknowledged records lost",
    ),
    Promise(
        "database-locked",
        "Another program holds the database's lock for long",
        "503 with Retry-After until it lets go; searching goes on.",
        "503, 0 lost",
    ),
    Promise(
        "database-read-only",
        "The data folder cannot be written",
        "The collector ends at once, and says why and what to do.",
        "ends with words, nothing changed",
    ),
    Promise(
        "collector-full",
        "The collector's disk becomes full while it takes in",
        "It refuses by 503 in time, keeps what it has acknowledged, and resumes once there is room.",
        "0 acknowledged records lost, 0 twice",
    ),
    Promise(
        "maintenance-killed",
        "The collector is killed while it seals, compacts, removes what is old, makes a backup, or imports",
        "Each acknowledged record is there once, the file is sound, and the next start goes on.",
        "0 lost, 0 duplicated",
    ),
    Promise(
        "start-after-kill",
        "The collector is killed while it holds five million records",
        "It answers again at once.",
        "< 1 s to the first answer",
    ),
    Promise(
        "stalls-of-ingest",
        "A backup, an export and a heavy query run while records come in",
        "No delivery waits for them for long.",
        "< 100 ms",
    ),
)
