"""The prefix `project/service/instance` that gives every logger its place, and its text forms."""

from __future__ import annotations

import os
import re
import socket
import sys
from typing import TYPE_CHECKING, NamedTuple

from pylogtap.errors import PrefixError

if TYPE_CHECKING:
    from collections.abc import Mapping

SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
_SEGMENT = re.compile(SEGMENT)
_FRONT = re.compile(rf"\[({SEGMENT})/({SEGMENT})(?:/({SEGMENT}))?\] ?")
_PARTS = ("project", "service", "instance")


class Prefix(NamedTuple):
    """Where a record comes from."""

    project: str
    service: str
    instance: str

    def __str__(self) -> str:
        """Return `project/service/instance`."""
        return "/".join(self)

    @property
    def tag(self) -> str:
        """The prefix as a Fluent Forward tag, `project.service.instance`."""
        return ".".join(self)

    @property
    def resource(self) -> dict[str, str]:
        """The prefix as OpenTelemetry resource attributes (semantic conventions, service)."""
        return {
            "service.namespace": self.project,
            "service.name": self.service,
            "service.instance.id": self.instance,
        }

    @classmethod
    def parse(cls, text: str, *, service: str | None = None, instance: str | None = None) -> Prefix:
        """
        Read `project[/service[/instance]]`.

        Args:
            text: One to three segments.
            service: Instead of a missing second segment; default: the program's name.
            instance: Instead of a missing third segment; default: the host's name.

        Raises:
            PrefixError: A segment has characters that it cannot have, or there are more than three.
        """
        parts = text.strip().split("/")
        if len(parts) > len(_PARTS):
            raise PrefixError(f"prefix {text!r} has {len(parts)} segments; write project/service/instance")
        for name, part in zip(_PARTS, parts, strict=False):
            if not _SEGMENT.fullmatch(part):
                raise PrefixError(
                    f"prefix {text!r}: {name} {part!r} must begin with a letter or digit and hold at most "
                    "63 letters, digits, dots, dashes and underscores"
                )
        defaults = (service or program_name(), instance or host_name())
        return cls(*parts, *defaults[len(parts) - 1 :])


def split_front(line: str, *, instance: str | None = None) -> tuple[Prefix | None, str]:
    """
    Take `[project/service/instance] ` from the front of a line.

    Args:
        line: The line.
        instance: Instead of a missing third segment; default: the host's name.

    Returns:
        The prefix, or None where there is none, and the rest of the line.
    """
    match = _FRONT.match(line)
    if match is None:
        return None, line
    project, service, third = match.groups()
    return Prefix(project, service, third or instance or host_name()), line[match.end() :]


def find_prefix(given: str | None, environment: Mapping[str, str]) -> Prefix:
    """
    Find this process's place.

    In this order: what is given; `PYLOGTAP_PROJECT`, `PYLOGTAP_SERVICE`, `PYLOGTAP_INSTANCE`;
    `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` (OpenTelemetry environment variables); defaults.

    Args:
        given: From the argument, the environment or the file; may be incomplete.
        environment: The environment variables.

    Raises:
        PrefixError: What is given is no prefix.
    """
    resource = _resource(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    service = environment.get("PYLOGTAP_SERVICE") or environment.get("OTEL_SERVICE_NAME")
    service = _clean(service or resource.get("service.name", "")) or None
    instance = environment.get("PYLOGTAP_INSTANCE") or resource.get("service.instance.id", "")
    project = environment.get("PYLOGTAP_PROJECT") or resource.get("service.namespace", "")
    text = given or _clean(project) or "default"
    return Prefix.parse(text, service=service, instance=_clean(instance) or None)


def program_name() -> str:
    """Return the name of the running program as a segment."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name:  # python -m package.module
        return _clean(spec.name.removesuffix(".__main__")) or "python"
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] not in {"", "-c"} else ""
    return _clean(name.removesuffix(".py")) or "python"


def host_name() -> str:
    """Return the host's name as a segment."""
    return _clean(socket.gethostname().partition(".")[0]) or "localhost"


def _clean(text: str) -> str:
    """Make a segment of any text: what a segment cannot hold becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:63]


def _resource(text: str) -> dict[str, str]:
    """Read `key=value,key=value` with percent-encoded values (W3C baggage octets)."""
    from urllib.parse import unquote  # noqa: PLC0415 - only where the variable is set

    pairs = (pair.partition("=") for pair in text.split(",") if "=" in pair)
    return {key.strip(): unquote(value.strip()) for key, _, value in pairs}
