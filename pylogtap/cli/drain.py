"""`pylogtap drain`: deliver what dead processes left behind."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.options import collector_options, document_option, spool_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.screen import Line
    from pylogtap.cli.spools import Holding, SpoolState
    from pylogtap.settings import Settings
    from pylogtap.shipper import DrainReport


@click.command(
    cls=ExampleCommand,
    short_help="Deliver what dead processes left behind.",
    examples=("pylogtap drain", "pylogtap drain --all", "pylogtap drain --spool-dir /mnt/old/spool"),
)
@click.option(
    "--all", "everywhere", is_flag=True,
    help="For every collector that records wait for; only the configured one gets the key.",
)  # fmt: skip
@spool_option
@document_option
@collector_options
def drain(everywhere: bool, form: str, **given: Any) -> int:
    """
    Deliver what ended programs left for the collector, and say what remains.

    The exit code is 0 when all of it is delivered, 1 when something remains.
    """
    from pylogtap.settings import load

    settings = load(**given)
    drained = [deliver(each) for each in destinations(settings, everywhere=everywhere)]
    if form == "json":
        click.echo(json.dumps({"destinations": [each.document() for each in drained]}, ensure_ascii=False))
    else:
        from pylogtap.cli.screen import open_screen

        screen = open_screen()
        for each in drained:
            for line in each.lines():
                screen.write(line)
    return 0 if all(each.is_complete for each in drained) else 1


def destinations(settings: Settings, *, everywhere: bool) -> list[Settings]:
    """
    Return the settings of each collector to deliver to.

    Args:
        settings: Those of the configured collector.
        everywhere: Also of the others that the spool directory names. They get no key: it is not theirs.
    """
    if not everywhere:
        return [settings]
    from pylogtap.cli.spools import urls_below
    from pylogtap.settings import default_spool_dir

    others = urls_below(settings.spool_dir or default_spool_dir()) - {settings.url}
    return [settings, *(replace(settings, url=url, key=None) for url in sorted(others))]


def deliver(settings: Settings) -> Drained:
    """
    Deliver what waits for one collector, and look at what is left.

    Args:
        settings: Which collector, and where the spool is.

    Raises:
        Failed: The spool directory cannot be used.
    """
    from pylogtap import client as clients
    from pylogtap.cli.errors import Failed
    from pylogtap.cli.spools import inspect

    try:
        directory = Path(clients.destination_directory(settings))
        report = clients.drain(settings)
    except OSError as error:
        raise Failed(
            f"the spool directory cannot be used: {error}", remedies=("look:  pylogtap doctor",)
        ) from error
    clients.shutdown()  # a spool of our own must be closed before anybody looks
    return Drained(settings.url, report, inspect(directory))


@dataclass(frozen=True, slots=True)
class Drained:
    """What became of the records for one collector."""

    url: str
    report: DrainReport
    after: SpoolState

    @property
    def is_complete(self) -> bool:
        """Whether nothing of a dead process remains undelivered."""
        return not (self.report.error or self.report.set_aside or self.after.left or self.after.ownerless)

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "url": self.url,
            "directory": str(self.after.directory),
            "delivered": {"programs": self.report.processes, "records": self.report.records},
            "set_aside": self.report.set_aside,
            "remaining": _counted([*self.after.left, *self.after.ownerless]),
            "error": self.report.error,
            "held": _counted(self.after.held),
            "complete": self.is_complete,
        }

    def lines(self) -> Iterator[Line]:
        """Return it for people, with what to do about what remains."""
        from pylogtap.cli.screen import Span, visible

        yield [Span(visible(self.url), "bold")]
        for style, sentence in self._sentences():
            yield [Span(f"  {visible(sentence)}", style)]

    def _sentences(self) -> Iterator[tuple[str, str]]:
        report, after = self.report, self.after
        if report.processes or report.records:
            yield "green", f"{report.records:,} records of {_programs(report.processes)} delivered"
        elif self.is_complete:
            yield "", "nothing was left to deliver"
        if report.set_aside:
            yield "red", f"{report.set_aside:,} frames set aside: the collector cannot read them"
            yield "dim", f"  they are kept in {after.directory}"
        if report.damaged:
            yield "red", f"{report.damaged:,} damaged files set aside: they are no segments any more"
            yield "dim", f"  they are kept in {after.directory}, with `.damaged` behind their names"
        if after.left or report.error:
            yield "yellow", f"{_amount(after.left)} remain: {_reason(report.error)}"
            yield "dim", f"  {_remedy(self.url, report.error)}"
        for holding in after.ownerless:
            yield "yellow", f"{_amount([holding])} remain: their owner file is missing"
            yield "dim", f"  touch {after.directory / holding.stem}.own && pylogtap drain --url {self.url}"
        if after.held:
            yield "dim", f"{_programs(len(after.held), 'living')} will deliver what is its own"


def _reason(error: str | None) -> str:
    if error is None:
        return "they came meanwhile"
    if error.startswith("HTTP "):
        return f"the collector refuses them ({error})"
    return f"no collector answers ({error.rpartition('] ')[2].lower()})"


def _remedy(url: str, error: str | None) -> str:
    if error is None:
        return f"pylogtap drain --url {url}"
    if error.startswith(("HTTP 401", "HTTP 403")):
        return f"PYLOGTAP_KEY=…the collector's… pylogtap drain --url {url}"
    return f"look:  pylogtap doctor --url {url}"


def _counted(holdings: list[Holding]) -> dict[str, int]:
    return {
        "programs": len(holdings),
        "records": sum(each.records for each in holdings),
        "bytes": sum(each.size for each in holdings),
    }


def _amount(holdings: list[Holding]) -> str:
    return f"up to {sum(each.records for each in holdings):,} records of {_programs(len(holdings))}"


def _programs(count: int, kind: str = "ended") -> str:
    return f"{count:,} {kind} program{'' if count == 1 else 's'}"
