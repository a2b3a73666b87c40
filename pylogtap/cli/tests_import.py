"""`pylogtap tests import`: reports that other runners wrote become runs."""

from __future__ import annotations

import gzip
import sys
from datetime import datetime
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.options import collector_options
from pylogtap.cli.tests_asking import TESTS, commit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pylogtap.cli.api import Api

_FORMS = ("auto", "junit", "reportlog", "ctrf", "go", "tap")
_STDIN = "-"
_LARGE = 64 << 10  # bytes; more is compressed
_INSTANCE = "tests"


@click.command(
    "import",
    cls=ExampleCommand,
    short_help="Import reports of other runners.",
    examples=(
        "pylogtap tests import 'build/test-results/**/*.xml' --prefix shop/checkout/ci",
        "pytest --junitxml=/dev/stdout -q | pylogtap tests import - --prefix shop/checkout",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--prefix",
    metavar="P/S/I",
    help="Where the runs belong; default: PYLOGTAP_PREFIX. I: `tests`.",
)
@click.option(
    "--format", "report", type=click.Choice(_FORMS), default=_FORMS[0], show_default=True,
    help="Of the files; auto: it is told by how they begin.",
)  # fmt: skip
@click.option(
    "--commit", metavar="REV", help="What was tested, also as `HEAD`; default: as the CI service or git says."
)
@click.option("--branch", metavar="NAME", help="Of which branch; default: likewise.")
@click.option("--started", metavar="TIME", help="When it began, RFC 3339; default: as the report says.")
@click.option("--json", "as_json", is_flag=True, help="Print the collector's answers, one object a line.")
@collector_options
def import_reports(
    files: tuple[str, ...],
    prefix: str | None,
    report: str,
    commit: str | None,
    branch: str | None,
    started: str | None,
    as_json: bool,
    **collector: Any,
) -> int:
    """
    Import reports: JUnit XML of any runner, JSON lines of pytest-reportlog or `go test -json`, CTRF, TAP.

    FILE may be a pattern such as `reports/**/*.xml`, or `-` for standard input. Each file becomes one run.
    The same file for the same place is stored once. Where one is refused, the others are imported all the
    same, and the command ends with 1.
    """
    from pylogtap.cli.api import Api
    from pylogtap.settings import load

    settings = load(prefix=prefix, **collector)
    parts = _place(settings.prefix)
    _check_time(started)
    origin = _origin(commit_of(commit or None, least=7), branch)
    api = Api(settings.url, settings.key)
    refused = 0
    for name, content in _contents(files):
        try:
            answer = _send(api, content, **parts, format=report, started=started, **origin)
        except Failed as error:
            refused += 1
            click.echo(f"pylogtap: {name}: {error.message}", err=True)
            for remedy in error.remedies:
                click.echo(f"  {remedy}", err=True)
        else:
            _tell(name, answer, as_json=as_json)
    return 1 if refused else 0


def _place(prefix: str | None) -> dict[str, str]:
    """
    Return the parameters that mean a place.

    Raises:
        WrongUsage: There is none, or it is not whole.
    """
    from pylogtap.prefix import Prefix

    if not prefix or "/" not in prefix:
        raise WrongUsage("say where the runs belong: --prefix project/service, such as shop/checkout")
    project, service, instance = Prefix.parse(prefix, instance=_INSTANCE)
    return {"project": project, "service": service, "instance": instance}


def _check_time(text: str | None) -> None:
    """
    Refuse what is no point in time before anything is sent.

    Raises:
        WrongUsage: It is none, or tells no offset.
    """
    if text is None:
        return
    try:
        when = datetime.fromisoformat(text.upper())
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise WrongUsage(f"--started {text!r} is no time of RFC 3339, such as 2026-11-23T04:50:00Z")


def _origin(commit: str | None, branch: str | None) -> dict[str, str | None]:
    import os

    from pylogtap.cases.origin import ci_facts, git_facts

    if commit is not None and branch is not None:
        return {"commit": commit, "branch": branch}
    of_git, of_ci = git_facts("."), ci_facts(os.environ)
    return {
        "commit": commit or of_ci.get("commit") or of_git.get("commit"),
        "branch": branch or of_ci.get("branch") or of_git.get("branch"),
    }


def _contents(files: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """
    Yield the names and contents of files.

    Raises:
        WrongUsage: There is no such file, or it cannot be read.
    """
    for given in files:
        if given == _STDIN:
            yield "standard input", sys.stdin.buffer.read()
            continue
        names = [given] if Path(given).is_file() else sorted(glob(given, recursive=True))  # noqa: PTH207 - absolute ones, too
        names = [name for name in names if Path(name).is_file()]
        if not names:
            raise WrongUsage(f"there is no file {given}")
        for name in names:
            try:
                content = Path(name).read_bytes()
            except OSError as error:
                raise WrongUsage(f"{name} cannot be read: {error.strerror}") from error
            yield name, content


def _send(api: Api, content: bytes, **query: str | None) -> dict[str, Any]:
    headers = {"Content-Type": "application/octet-stream"}
    if len(content) > _LARGE:
        content, headers["Content-Encoding"] = gzip.compress(content, 6), "gzip"
    return api.upload(f"{TESTS}/import", content, headers, **query)


def _tell(name: str, answer: dict[str, Any], *, as_json: bool) -> None:
    from pylogtap.cli.formats import JsonWriter
    from pylogtap.cli.tests_writing import counts, place

    if as_json:
        JsonWriter(sys.stdout).write({"file": name, **answer})
        return
    for run in answer["runs"]:
        before = "was imported before as" if answer["repeated"] else "is"
        where = f"{place(run)}/{run['instance']}"
        click.echo(f"{name} {before} run {run['id']} of {where}: {run['state']}, {counts(run)}")
    for sentence in answer["skipped"]:
        click.echo(f"  not read: {sentence}", err=True)
