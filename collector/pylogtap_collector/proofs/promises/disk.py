"""What holds when the disk is full, read-only, damaged, or loses its power; and when clocks jump."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = (
    Promise(
        "disk-full",
        "The disk of the spool (a tmpfs, an ext4, a limit on file sizes) fills up: nobody takes records",
        "The program goes on. What the disk cannot take waits in bounded memory; each record beyond is"
        " counted by its reason; with room again, all is kept again.",
        "0 lost that are not counted, 0 duplicated, 0 torn",
    ),
    Promise(
        "disk-full-calls",
        "The same, for what a call takes meanwhile",
        "Logging stays quick on a full disk.",
        "p99 below 1 ms, none above 250 ms",
    ),
    Promise(
        "disk-unwritable",
        "The spool can never be written: read-only, no permission, a file where its folder should be",
        "The program logs from memory, and each record is delivered.",
        "0 lost, 0 duplicated, 0 torn",
    ),
    Promise(
        "spool-taken-away",
        "The folder of the spool is removed, moved, replaced or made read-only while a program logs",
        "The program logs on, each record is delivered, and files are made again where that is possible.",
        "0 lost, 0 duplicated, 0 torn",
    ),
    Promise(
        "segments-damaged",
        "What dead programs left is damaged: bits flipped, cut, zeroed, appended to, torn header",
        "What is not hit is delivered; what is hit is set aside, and told of.",
        "0 lost that were not hit, 0 duplicated, 0 that nobody logged",
    ),
    Promise(
        "spool-foreign-files",
        "The spool holds files of others, empty ones, and segments of an older and a newer version",
        "They hinder nobody; segments of other versions stay for programs that can read them.",
        "0 lost, 0 duplicated, 0 taken from others",
    ),
    Promise(
        "spool-crowded",
        "A thousand damaged and foreign files lie in the spool when a program starts",
        "It starts as ever, and its records are delivered meanwhile.",
        "start below 1 s",
    ),
    Promise(
        "several-adopters",
        "Three processes deliver the same dead programs' records at once; one of the three is killed",
        "Each record is stored once.",
        "0 lost, 0 duplicated, 0 torn",
    ),
    Promise(
        "orphan-of-a-living-family",
        "A program dies whose forked grandchild lives on; its process number is given to another process",
        "What it left is delivered meanwhile; what the living hold is left alone.",
        "0 lost, 0 duplicated, 0 torn",
    ),
    Promise(
        "clock-of-the-application",
        "The application's clock jumps back and ahead by hours, and over the ends of summer time",
        "The order is kept by sequence, times are stored in UTC, also of what is adopted.",
        "0 lost, 0 out of order, 0 wrong times",
    ),
    Promise(
        "clock-of-the-collector",
        "The collector's clock jumps ahead by ten years, and back",
        "Nothing is removed for being too old, and everything is found.",
        "0 removed, 0 lost",
    ),
    Promise(
        "power-cut-client",
        "The power of the application's machine is cut while no collector can be reached",
        "What was logged before the last sync is there; what is torn is noticed.",
        "0 lost that are older than 250 ms, 0 duplicated, 0 torn",
    ),
    Promise(
        "power-cut-pages",
        "A random part of the pages written since the last sync never reaches the application's disk",
        "What was logged before the sync is there; what is torn is noticed.",
        "0 lost from before the sync, 0 that nobody logged",
    ),
    Promise(
        "power-cut-collector",
        "The power of the collector's machine is cut while clients deliver",
        "What was acknowledged is there, and the database is sound.",
        "0 acknowledged lost, 0 duplicated, 0 torn",
    ),
)
