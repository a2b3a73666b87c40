"""
Write docs/explanation/promises.md from what a run of the fault tests noted.

::

    python -m tools.promises NOTES [PEERS_JSON] [--otherwise NOTES] [--verified JSON]

NOTES is the file that PYLOGTAP_FAULT_NOTES named while tests ran, PEERS_JSON what `benchmarks.bench_loss`
wrote by `--json`. `--otherwise` gives notes for promises that NOTES has none of, as those of short tests,
`--verified` what `pylogtap verify --format json` printed of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pylogtap_collector.proofs.machine import Machine
from pylogtap_collector.proofs.promises import BROKE_OFF, SECTIONS, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "promises.md"
TEMPLATE = Path(__file__).with_suffix(".md")
HEADINGS = ("what goes wrong", "what holds", "promised", "seen")
NOT_RUN = "not run in this run"
NO_PEERS = "Not run in this run: `python -m benchmarks.bench_loss` does."
_SHOWN = 3  # notes of one promise; where there are more, they are counted
_SEEDS = 3


def render(notes: Sequence[Seen], peers: Mapping[str, Any] | None) -> str:
    """
    Return the page.

    Args:
        notes: What was seen, oldest first.
        peers: The document of bench_loss; None: it did not run.
    """
    by_key: dict[str, list[Seen]] = {}
    for seen in notes:
        by_key.setdefault(seen.key, []).append(seen)
    sections = [_section(title, promises, by_key) for title, promises in SECTIONS.items()]
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, part in (
        ("run", _run(notes)),
        ("sections", "".join(sections)),
        ("peers", _peers(peers) if peers else NO_PEERS),
    ):
        text = text.replace(f"{{{name}}}", part)
    return text


def _run(notes: Sequence[Seen]) -> str:
    if not notes:
        return "Nothing was run."
    day = datetime.fromtimestamp(max(seen.noted for seen in notes), UTC).date().isoformat()
    seeds = sorted({seen.seed for seen in notes if seen.seed is not None})
    told = "any seed" if not seeds or len(seeds) > _SEEDS else f"seed {', '.join(map(str, seeds))}"
    broken = len({seen.key for seen in notes if not seen.kept} - {BROKE_OFF})
    sum_ = f"**not kept: {broken}**" if broken else "all kept that were tried"
    if ended := [seen.figure for seen in notes if seen.key == BROKE_OFF]:
        sum_ += f"; **broke off, and saw nothing: {', '.join(ended)}**"
    return f"{day}; {Machine.here()}; {told}; {sum_}."


def _section(title: str, promises: Iterable[Any], notes: Mapping[str, Sequence[Seen]]) -> str:
    rows = [(each.fault, each.kept, each.figure, _seen(notes.get(each.key, ()))) for each in promises]
    return f"\n## {title}\n\n{_table(HEADINGS, rows)}\n" if rows else ""


def _seen(notes: Sequence[Seen]) -> str:
    """Return a cell: what was not kept in any case, else the last that were seen."""
    if not notes:
        return NOT_RUN
    broken = [seen for seen in notes if not seen.kept]
    shown = [seen.figure for seen in (broken or notes)][-_SHOWN:]
    if len(notes) > len(shown) and not broken:
        shown.insert(0, f"{len(notes)} times, each time kept; the last:")
    return ("**not kept:** " if broken else "") + "<br>".join(shown)


def _peers(result: Mapping[str, Any]) -> str:
    headings = ("", "records of returned calls", "lost", "lost, %", "worst of the kills")
    rows = [
        (
            row["about"], f"{row['returned']:,}", f"{row['lost']:,}",
            f"{row['lost_percent']:.2f}", f"{row['worst']:,}",
        )
        for row in result["summary"]
    ]  # fmt: skip
    kills = result["summary"][0]["kills"]
    return (
        f"{kills} kills each, {result['rate_per_s']:,.0f} records a second, seed {result['seed']}.\n\n"
        f"{_table(headings, rows, ':--' + '|--:' * (len(headings) - 1))}"
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], rule: str = "") -> str:
    lines = [f"| {' | '.join(headings)} |", f"|{rule or '|'.join(['---'] * len(headings))}|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _verified(path: Path) -> list[Seen]:
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()
    return [Seen(row["key"], row["seen"], row["kept"], row["seed"]) for row in rows]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notes", type=Path)
    parser.add_argument("peers", type=Path, nargs="?")
    parser.add_argument("--otherwise", type=Path, metavar="NOTES")
    parser.add_argument("--verified", type=Path, metavar="JSON")
    options = parser.parse_args(arguments)
    notes = Seen.all_in(options.notes)
    known = {seen.key for seen in notes} - {BROKE_OFF}
    others = [] if options.otherwise is None else Seen.all_in(options.otherwise)
    if options.verified is not None:
        others += _verified(options.verified)
    notes = [*(seen for seen in others if seen.key not in known), *notes]
    has_peers = options.peers is not None and options.peers.exists()
    peers = json.loads(options.peers.read_text(encoding="utf-8")) if has_peers else None
    PAGE.write_text(render(notes, peers), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
