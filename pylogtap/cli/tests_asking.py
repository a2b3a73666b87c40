"""What the commands of `pylogtap tests` ask a collector for, and how their options say what of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap.cli.options import FORMATS, collector_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from pylogtap.cli.api import Api

_Function = TypeVar("_Function", bound="Callable[..., Any]")

TESTS = "/api/v1/tests"
RUNS = f"{TESTS}/runs"
CASES = f"{TESTS}/cases"
LATEST = "latest"
_ID = re.compile(r"[0-9a-f]{32}")
_SHORT_ID = re.compile(r"[0-9a-f]{4,31}")
_REVISION = re.compile(r"[0-9a-fA-F]{4,64}")
_LOOKED_AT = 500  # runs among which a shortened id is searched
SHORT = 8  # digits of an id that are shown in tables


def rows_option(function: _Function) -> _Function:
    """Add `--format` for lists."""
    return click.option(
        "--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True,
        help="pretty: for people; json: one object a line, as the API shows it; csv: with a header line.",
    )(function)  # fmt: skip


def place_option(function: _Function) -> _Function:
    """Add `--prefix` for a place and what is under it, and what says which collector."""
    option = click.option(
        "--prefix", metavar="P[/S]", help="Of this project, or service of a project, alone."
    )
    return option(collector_options(function))


def branch_option(function: _Function) -> _Function:
    """Add `--branch`."""
    return click.option("--branch", metavar="NAME", help="Of this branch alone.")(function)


def commit_of(given: str | None, least: int = 4) -> str | None:
    """
    Return the commit that an option means.

    Args:
        given: Hex digits, or what git calls a commit here, such as `HEAD` or a branch; None: none.
        least: How many hex digits are enough.

    Raises:
        WrongUsage: It is neither.
    """
    if given is None:
        return None
    if _REVISION.fullmatch(given) and len(given) >= least:
        return given.lower()
    from pylogtap.cases.origin import revision_of

    if given and (found := revision_of(".", given)):
        return found
    if not given:
        raise WrongUsage("--commit is empty; is the variable set that it is taken from?")
    raise WrongUsage(
        f"--commit {given!r} is no commit: neither {least} to 64 hex digits, nor known to git in this folder"
    )


def limit_option(default: int, what: str) -> Callable[[_Function], _Function]:
    """
    Return the decorator that adds `--limit`.

    Args:
        default: How many, if it is not given.
        what: Of what.
    """
    return click.option(
        "-n", "--limit", type=click.IntRange(1), default=default, show_default=True, metavar="N",
        help=f"How many {what} at most.",
    )  # fmt: skip


def open_collector(**collector: Any) -> Api:
    """
    Return what asks the collector.

    Args:
        collector: Address and key, as they were given.
    """
    from pylogtap.cli.api import Api
    from pylogtap.settings import load

    settings = load(**collector)
    return Api(settings.url, settings.key)


def place_of(prefix: str | None) -> dict[str, str | None]:
    """
    Return the parameters that mean a place.

    Args:
        prefix: `project`, `project/service` or `project/service/instance`; the instance does not count.

    Raises:
        WrongUsage: It is no prefix.
    """
    if prefix is None:
        return {}
    from pylogtap.errors import PrefixError
    from pylogtap.prefix import Prefix

    try:
        Prefix.parse(prefix)
    except PrefixError as error:
        raise WrongUsage(str(error)) from None
    project, _, rest = prefix.strip().partition("/")
    return {"project": project, "service": rest.partition("/")[0] or None}


def find_run(api: Api, wanted: str, **filters: str | None) -> dict[str, Any]:
    """
    Return a run.

    Args:
        api: The collector.
        wanted: Its id, the first digits of it, or `latest`.
        filters: Of the list of runs, such as `project`; where an id is given they do not count.

    Raises:
        WrongUsage: That is no id.
        Failed: There is no such run, or there are several.
    """
    if wanted == LATEST:
        runs = list(api.items(RUNS, 1, **filters))
        if not runs:
            told = " ".join(f"{name} {value}" for name, value in filters.items() if value is not None)
            raise Failed(
                f"there is no test run{' of ' + told if told else ''}",
                remedies=("pylogtap tests runs shows those that there are",),
            )
        return runs[0]
    if _ID.fullmatch(wanted):
        return api.get(f"{RUNS}/{wanted}")
    if not _SHORT_ID.fullmatch(wanted):
        raise WrongUsage(f"{wanted!r} is no run; give its id, at least the first 4 digits, or `{LATEST}`")
    found = [run for run in api.items(RUNS, _LOOKED_AT) if run["id"].startswith(wanted)]
    if len(found) == 1:
        return found[0]
    raise Failed(
        f"{len(found)} test runs begin with {wanted}; give more of the id"
        if found
        else f"there is no test run {wanted}… among the newest {_LOOKED_AT}",
        remedies=("pylogtap tests runs shows those that there are",),
    )
