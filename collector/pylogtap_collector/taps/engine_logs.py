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
_SHORT_ID = 12  # digits, as the engine's own tools show them
# What drivers say of a container with every line (moby, daemon/logger/gelf/gelf.go and fluentd/fluentd.go).
_TOLD = frozenset({"container_id", "container_name", "image_name"})
_MADE_OF = frozenset({"image_id", "command", "created"})  # GELF's alone, and always together
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


def is_id(text: str | None) -> bool:
    """Tell whether a text is the id of a container, as Docker's drivers take it for a name by default."""
    return text is not None and _ID.fullmatch(text) is not None


def is_of_container(values: Mapping[str, Any]) -> bool:
    """Tell whether a driver says of which container a line is."""
    identity = values.get("container_id")
    return isinstance(identity, str) and bool(identity)


def named_container(values: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """
    Return fields of which those that tell a container are called as those of containers that are followed.

    Args:
        values: Labels and what else the driver says, by name; without a container they stay as they are.
        place: Of the container; a name that it says already is left out.
    """
    if not is_of_container(values):
        return dict(values)
    gone = _TOLD | _MADE_OF if "image_id" in values else _TOLD
    rest = {name: value for name, value in values.items() if name not in gone}
    identity = values["container_id"][:_SHORT_ID]
    name, image = _name(values), values.get("image_name")
    if values.get("tag") in {identity, name}:  # unless somebody has set it, it says nothing more
        rest.pop("tag", None)
    rest["container.id"] = identity
    if name is not None and name not in _names(place):
        rest["container.name"] = name
    if isinstance(image, str) and image:
        rest["image"] = image
    return rest


def _names(place: Place) -> set[str]:
    """Return the names that compose, of today and of old, gives to the container of a place."""
    project, _, instance = place
    return {instance, f"{project}-{instance}", f"{project}_{instance.replace('-', '_')}"}


def _name(values: Mapping[str, Any]) -> str | None:
    name = values.get("container_name")
    return name.lstrip("/") or None if isinstance(name, str) else None
