"""What the log drivers of container engines say of a container, and where that stands; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pylogtap_collector.taps.entries import place_of, segment_name
from pylogtap_collector.wire import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPOSE = "com.docker.compose."
PREFIX = "pylogtap.prefix"  # a label: `shop/web` or `shop/web/1`
_ID = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def place_of_labels(values: Mapping[str, Any], default: Place) -> Place | None:
    """
    Return where a container stands by its labels; None where they do not say it.

    As for containers that are followed: project and service of compose, and `service-N` by its number.

    Args:
        values: Labels and what else the driver says, by name.
        default: For what is not said.
    """
    own = values.get(PREFIX)
    if isinstance(own, str) and own:
        parts = [*own.split("/", 2), "", ""]
        return place_of(parts[0], parts[1], parts[2] or _name(values), default)
    project, service = values.get(f"{COMPOSE}project"), values.get(f"{COMPOSE}service")
    if not (isinstance(project, str) and project and isinstance(service, str) and service):
        return None
    number = values.get(f"{COMPOSE}container-number")
    instance = f"{service}-{number}" if number else _name(values)
    return place_of(project, service, instance, default)


def place_of_container(values: Mapping[str, Any], default: Place) -> Place:
    """
    Return where a container stands of which no more than its name may be known.

    Args:
        values: What the driver says of it, by name.
        default: For what is not said.
    """
    found = place_of_labels(values, default)
    if found is not None:
        return found
    name = _name(values)
    return default if name is None else Place(default.project, segment_name(name), segment_name(name))


def place_of_tag(tag: str, default: Place) -> Place | None:
    """
    Return the place that a tag of Fluent Forward names; None where it names none.

    Args:
        tag: `project.service` or `project.service.instance`; the ids that Docker takes by default are none,
            nor are the numbers that Fluent Bit gives to its inputs.
        default: For the instance.
    """
    parts = tag.split(".")
    if len(parts) not in {2, 3} or not all(_PART.fullmatch(part) for part in parts):
        return None
    if any(_ID.fullmatch(part) for part in parts) or parts[1].isdecimal():
        return None
    return Place(parts[0], parts[1], parts[2] if len(parts) == 3 else default.instance)


def _name(values: Mapping[str, Any]) -> str | None:
    name = values.get("container_name")
    return name.lstrip("/") or None if isinstance(name, str) else None
