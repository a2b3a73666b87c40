"""Where a line comes from, as its front says: pylogtap's own prefix, docker compose, Procfiles, kubectl."""

from __future__ import annotations

import re
from typing import NamedTuple

from pylogtap.prefix import SEGMENT, Prefix, split_front

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
# `web-1  | …`, since version 2; `web_1  | …` before. A name of one's own has no number: see `coloured`.
_COMPOSE = re.compile(rf"(?P<instance>(?P<service>{_NAME})[-_][0-9]{{1,4}}) *\| ?")
_NAMED = re.compile(rf"(?P<instance>(?P<service>{_NAME})) *\| ?")
# `12:00:01 web.1   | …`: foreman and honcho.
_PROCFILE = re.compile(
    r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2}) "
    rf"(?P<instance>(?P<service>{_NAME}?)(?:\.[0-9]{{1,4}})?) *\| ?"
)
_KUBECTL = re.compile(rf"\[pod/(?P<instance>{SEGMENT})/(?P<service>{SEGMENT})\] ?")
_FRONT = 120  # characters in which the bar of a runner stands


class Origin(NamedTuple):
    """
    What the front of a line says.

    Attributes:
        prefix: Where the line comes from; None: it does not say.
        rest: The line behind it.
        clock: The time of day that the runner put there, as `12:00:01`.
        own: The program itself put the prefix there, so that lines that continue a record have none.
    """

    prefix: Prefix | None
    rest: str
    clock: str | None = None
    own: bool = False


def split_origin(line: str, project: str, *, coloured: bool = False) -> Origin:
    """
    Take what says where a line comes from off its front.

    Args:
        line: Without colours.
        project: The project of services that a runner names.
        coloured: The line begins with a colour, as those of runners do on a terminal: names need no number.
    """
    origin = _split_runner(line, project, coloured=coloured)
    rest = line if origin is None else origin.rest
    if rest.startswith("["):
        prefix, behind = split_front(rest)
        if prefix is not None:
            return Origin(prefix, behind, origin.clock if origin else None, own=origin is None)
    return origin or Origin(None, line)


def _split_runner(line: str, project: str, *, coloured: bool) -> Origin | None:
    if line.startswith("[pod/"):
        match = _KUBECTL.match(line)
    elif "|" not in line[:_FRONT]:
        return None
    elif line[0].isdigit() and (match := _PROCFILE.match(line)):
        pass
    else:
        match = (_NAMED if coloured else _COMPOSE).match(line)
    if match is None:
        return None
    parts = match.groupdict()
    prefix = Prefix(project, _segment(parts["service"]), _segment(parts["instance"]))
    return Origin(prefix, line[match.end() :], parts.get("time"))


def _segment(name: str) -> str:
    return name.rstrip("-_.")[:63] or "unnamed"
