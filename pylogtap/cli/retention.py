"""`pylogtap retention`: show and set how long records are kept."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import click

from pylogtap.cli.command import ExampleCommand
from pylogtap.cli.errors import WrongUsage
from pylogtap.cli.options import collector_options

PROJECTS = "/api/v1/projects"
_DEFAULT = "default"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)


@click.command(
    cls=ExampleCommand,
    short_help="Show and set how long records are kept.",
    examples=(
        "pylogtap retention",
        "pylogtap retention shop --days 30",
        "pylogtap retention shop --size 2GB --days default",
    ),
)
@click.argument("project", required=False)
@click.option(
    "--days", metavar="N", help="Days after a record's time; `default`: as the collector's settings say."
)
@click.option(
    "--size",
    metavar="SIZE",
    help="What its sealed records may take, like 500MB; `default`: no limit of its own.",
)
@collector_options
def retention(project: str | None, days: str | None, size: str | None, **collector: Any) -> None:
    """
    Show how long records are kept, of one PROJECT or of all, and set it for one.

    What is beyond goes within seconds, and the room with it. For all projects together the collector's
    settings decide: PYLOGTAP_COLLECTOR_KEEP_DAYS and PYLOGTAP_COLLECTOR_KEEP_BYTES.
    """
    from pylogtap.cli.api import NEEDS_ADMIN, NEEDS_KEY, Api
    from pylogtap.settings import load

    if project is None and (days or size):
        raise WrongUsage("say for which project: pylogtap retention PROJECT --days 30")
    settings = load(**collector)
    api = Api(settings.url, settings.key, needs_key=NEEDS_ADMIN if days or size else NEEDS_KEY)
    changes: dict[str, Any] = {}
    if days is not None:
        changes["keep_days"] = _days(days)
    if size is not None:
        changes["keep_bytes"] = _bytes(size)
    if project is not None and changes:
        api.patch(_path(project), changes)
    names = [project] if project else _projects(api)
    for name in names:
        _show(name, api.get(_path(name)))


def _path(project: str) -> str:
    return f"{PROJECTS}/{quote(project, safe='')}/retention"


def _projects(api: Any) -> list[str]:
    names: list[str] = []
    cursor: str | None = None
    while True:
        page = api.get(PROJECTS, cursor=cursor)
        names += [each["name"] for each in page.get("items", [])]
        cursor = page.get("next")
        if not cursor:
            return names


def _show(name: str, found: dict[str, Any]) -> None:
    days, size, default = found["keep_days"], found["keep_bytes"], found["default_keep_days"]
    if days is not None:
        age = f"{days:g} days"
    else:
        age = "forever" if default is None else f"{default:g} days by default"
    limit = "" if size is None else f", at most {size:,} bytes"
    click.echo(f"{name}: kept {age}{limit}; takes about {found['bytes']:,} bytes")


def _days(text: str) -> float | None:
    if text == _DEFAULT:
        return None
    try:
        return float(text)
    except ValueError:
        raise WrongUsage(f"{text!r} is no number of days; write 30, 0.5 or `default`") from None


def _bytes(text: str) -> int | None:
    if text == _DEFAULT:
        return None
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise WrongUsage(f"{text!r} is no size; write 500MB, 2GB or `default`")
    return int(float(found[1]) * _UNITS[found[2].lower()])
