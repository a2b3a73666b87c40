"""`pylogtap doctor`: say what is wrong, and the command that mends it."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.options import collector_options, document_option, spool_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.checks import Finding
    from pylogtap.cli.screen import Line, Screen

_MARKS = {
    "ok": ("✔", "green"),
    "note": ("·", "cyan"),
    "warning": ("!", "yellow"),
    "problem": ("✘", "bold red"),
}
_NAME_WIDTH = len("left behind")
_STATE_WIDTH = len("problem")


@click.command(
    cls=ExampleCommand,
    short_help="Say what is wrong, and the command that mends it.",
    examples=("pylogtap doctor", "pylogtap doctor --url http://logs:8270 --format json | jq '.findings[]'"),
)
@spool_option
@document_option
@collector_options
def doctor(form: str, **given: Any) -> int:
    """
    Look at the collector, the spool and the latest records, and say what is wrong.

    The exit code is 1 when there is a problem; warnings alone leave it 0.
    """
    from pylogtap.cli.checks import examine
    from pylogtap.settings import load

    settings = load(**given)
    if form == "json":
        findings = list(examine(settings))
        document = {
            "url": settings.url,
            "healthy": not _problems(findings),
            "findings": [{**each._asdict(), "remedies": list(each.remedies)} for each in findings],
        }
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        from pylogtap.cli.screen import open_screen

        findings = list(_shown(examine(settings), open_screen()))
    return 1 if _problems(findings) else 0


def _problems(findings: list[Finding]) -> int:
    return sum(each.state == "problem" for each in findings)


def _shown(findings: Iterator[Finding], screen: Screen) -> Iterator[Finding]:
    """Write each finding when it comes, then the sum."""
    from pylogtap.cli.screen import Span

    counts: Counter[str] = Counter()
    for finding in findings:
        with suppress(BrokenPipeError):  # whoever reads may have left: the exit code is for others
            for line in lines(finding, for_people=screen.for_people):
                screen.write(line)
        counts[finding.state] += 1
        yield finding
    told = [
        f"{counts[state]} {state}{'' if counts[state] == 1 else 's'}"
        for state in ("problem", "warning")
        if counts[state]
    ]
    style = "bold red" if counts["problem"] else "yellow" if told else "green"
    with suppress(BrokenPipeError):
        screen.write([Span(", ".join(told) or "nothing is wrong", style)])


def lines(finding: Finding, *, for_people: bool) -> Iterator[Line]:
    """
    Return the lines of a finding: mark, name, what was seen; what to do under it.

    Args:
        finding: The finding.
        for_people: Show a sign instead of the state's name.
    """
    from pylogtap.cli.screen import Span, visible

    sign, style = _MARKS[finding.state]
    mark = sign if for_people else finding.state.ljust(_STATE_WIDTH)
    yield [
        Span(mark, style), Span(f" {finding.check.ljust(_NAME_WIDTH)} ", "dim"), Span(visible(finding.seen)),
    ]  # fmt: skip
    indent = " " * (len(mark) + _NAME_WIDTH + 2)
    for remedy in finding.remedies:
        yield [
            Span(f"{indent}→ ", "dim"),
            Span(visible(remedy), "bold" if finding.state == "problem" else ""),
        ]
