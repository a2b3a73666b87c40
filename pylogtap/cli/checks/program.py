"""Checks of what programs started from here would take: prefix, switches, optional packages."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pylogtap.cli.checks.finding import Finding, State
from pylogtap.errors import PrefixError
from pylogtap.prefix import find_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pylogtap.prefix import Prefix
    from pylogtap.settings import Settings

_VARIABLES = (
    "PYLOGTAP_PROJECT", "PYLOGTAP_SERVICE", "PYLOGTAP_INSTANCE", "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
)  # fmt: skip
_SET_IT = (
    "export PYLOGTAP_PREFIX=project/service",
    'or in the program:  pylogtap.init("project/service")',
    'or in pyproject.toml:  [tool.pylogtap] prefix = "project/service"',
)
_OPTIONAL = (
    ("zstandard", "records travel uncompressed"),
    ("rich", "lines on a terminal have no colours"),
)


def check(settings: Settings) -> Iterator[Finding]:
    """
    Check the settings that programs would take.

    Args:
        settings: As read here.
    """
    yield _prefix(settings)
    if settings.disabled:
        yield Finding(
            "disabled",
            State.PROBLEM,
            "logging is switched off: programs started from here keep and send nothing",
            ("unset PYLOGTAP_DISABLED  and look for `disabled` in [tool.pylogtap] of pyproject.toml",),
        )
    yield from _packages()


def _prefix(settings: Settings) -> Finding:
    given = settings.prefix or any(os.environ.get(name) for name in _VARIABLES)
    try:
        place = place_of(settings)
    except PrefixError as error:
        return Finding("prefix", State.PROBLEM, str(error), _SET_IT)
    text = str(place).replace("/PROGRAM/", "/(name of the program)/")
    if given:
        return Finding("prefix", State.OK, f"programs started from here log as {text}")
    return Finding(
        "prefix",
        State.NOTE,  # most programs set it themselves, which nobody can see from here
        f"no prefix is set here: programs that give none themselves, as by init, log as {text}",
        _SET_IT,
    )


def place_of(settings: Settings) -> Prefix:
    """
    Return where programs started from here log.

    Args:
        settings: As read here.

    Raises:
        PrefixError: The prefix is none.
    """
    return find_prefix(settings.prefix, _with_placeholder(os.environ))


def _with_placeholder(environment: Mapping[str, str]) -> dict[str, str]:
    """Put a word where the program's name would be: ours says nothing about others."""
    resource = environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if environment.get("OTEL_SERVICE_NAME") or "service.name=" in resource:
        return dict(environment)
    return {"PYLOGTAP_SERVICE": "PROGRAM", **environment}


def _packages() -> Iterator[Finding]:
    missing = [(name, effect) for name, effect in _OPTIONAL if not _is_there(name)]
    if not missing:
        yield Finding("packages", State.OK, "zstandard and rich are installed")
    for name, effect in missing:
        yield Finding(
            "packages", State.NOTE, f"{name} is not installed: {effect}", ("pip install 'pylogtap[fast]'",)
        )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # somebody has put something odd in its place
        return False
