"""What holds while the collector is away, slow, or refuses."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

_KEPT = (
    "The program logs on: no exception, memory flat, disk capped, an exit at most 2 s later. "
    "What the spool keeps is stored once, as soon as there is a collector."
)
_FIGURE = "0 lost, 0 duplicated, 0 torn; exit <= 2 s later; RSS < 20 MiB more; spool <= its limit"
_NONE = "0 lost, 0 duplicated"

PROMISES: tuple[Promise, ...] = (
    Promise("sink-down", "The collector takes no connection", _KEPT, _FIGURE),
    Promise("sink-slow", "The collector answers after seconds", _KEPT, _FIGURE),
    Promise("sink-silent", "The collector takes a request, and never answers", _KEPT, _FIGURE),
    Promise("sink-connect-hangs", "A connect to the collector hangs", _KEPT, _FIGURE),
    Promise("sink-dns-hangs", "The nameserver never answers", _KEPT, _FIGURE),
    Promise(
        "sink-tls",
        "No TLS where there should be, a certificate that is expired or a stranger's",
        _KEPT,
        _FIGURE,
    ),
    Promise("sink-drips", "The answer comes at one byte a second", _KEPT, _FIGURE),
    Promise("sink-cut-short", "The connection breaks in the middle of each answer", _KEPT, _FIGURE),
    Promise(
        "sink-nonsense",
        "Something else answers: random bytes, headers, bodies or interim answers without end, lies",
        _KEPT,
        _FIGURE,
    ),
    Promise(
        "sink-calls",
        "The collector fails in any of these ways, beside one that answers",
        "A call takes the same time.",
        "<= 1.5 times the median with a collector that answers",
    ),
    Promise(
        "spool-full",
        "There is no collector for longer than the spool has room",
        "The newest records are dropped and counted by reason; the count becomes a line in the stream of "
        "the program's place, and stands on `/readyz`.",
        "stored + dropped = calls; told = dropped; spool <= its limit",
    ),
    Promise(
        "killed-with-drops",
        "A program is killed before it could tell what it had dropped",
        "Who adopts its spool tells.",
        "told = dropped",
    ),
    Promise("refused-413", "The collector takes only small requests (413)", "Slices are halved.", _NONE),
    Promise(
        "refused-record",
        "Records that alone are refused (413, 400, 422), one or several in a row",
        "Those are set aside, counted and told; all others are stored.",
        "set aside = refused = told, 0 others lost",
    ),
    Promise(
        "refused-wait",
        "429 and 503 with `Retry-After`",
        "It waits that long, and loses nothing.",
        f"{_NONE}, none asked too early",
    ),
    Promise(
        "refused-all",
        "400, 401, 403, 404, 413 and 500 to everything, redirects, answers that are no JSON",
        "Everything waits in the spool; a redirect is not followed, so the key goes nowhere else.",
        f"{_NONE}, 0 requests elsewhere",
    ),
    Promise(
        "stderr-quiet",
        "Several faults at once, for several collectors",
        "Standard error gets at most one line a minute; the end adds one where records are lost.",
        "<= 1 line a minute",
    ),
    Promise(
        "counters-add-up",
        "Answers are lost, records refused, the spool overflows, while somebody looks at the counters",
        "accepted = shipped + spooled + dropped, and accepted is what was logged, at any moment.",
        "0 moments at which they do not",
    ),
)
