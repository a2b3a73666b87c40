"""What holds for input that nobody meant."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = (
    Promise(
        "any-input",
        "Bytes that nobody meant reach what reads: slices, segments, queries, lines, runners' output, test "
        "reports, other shippers' protocols, headers, settings",
        "They are read, or refused by an error that says why. What is read can be stored.",
        "0 other errors, 0 unsound values",
    ),
    Promise(
        "growing-input",
        "Input that is made to take for ever: something is repeated over and over",
        "Four times the input takes about four times as long.",
        "0 take more than 10 times as long",
    ),
    Promise(
        "cut-bodies",
        "A compressed body that is cut, or made of several streams",
        "It is refused, or all of it is taken.",
        "0 bodies taken in part",
    ),
    Promise(
        "api-document",
        "Requests of any shape, sound and unsound ones and chains of them, to every operation of the API",
        "The answer is one that the OpenAPI document describes, whoever asks.",
        "0 answers that are not described",
    ),
)
