"""Versions of what people change, so that nobody overwrites what he has not seen (RFC 9110, 13.1.1)."""

from __future__ import annotations

import hashlib

import msgspec

from pylogtap_collector.errors import StaleVersion
from pylogtap_collector.models import (
    CollectorSettings,
    Forward,
    Instance,
    Key,
    Log,
    Member,
    Metric,
    Project,
    SavedSearch,
    Service,
    User,
)
from pylogtap_collector.models.cases import Case, TestRun

Versioned = (
    CollectorSettings
    | Log
    | Project
    | Service
    | Instance
    | Metric
    | User
    | Member
    | Key
    | SavedSearch
    | Forward
    | TestRun
    | Case
)
Expected = frozenset[str] | None  # versions that are right; None: any


def version_of(item: Versioned) -> str:
    """
    Return the version of something: the same as long as people have not changed it.

    What changes by itself, such as the count of a project's records, is not part of it.

    Args:
        item: Anything that people change.
    """
    return hashlib.sha256(msgspec.json.encode(_parts(item))).hexdigest()[:16]


def _parts(item: Versioned) -> tuple[object, ...]:
    """Return what of an item is changed by people alone."""
    match item:
        case Log() | TestRun() | Case():
            return item.id, sorted(item.labels.items()), item.note
        case Metric():
            return item.id, item.description, item.unit
        case User():
            return item.id, item.name, item.admin, item.disabled
        case Member():
            return item.project, item.user, item.role
        case Key():
            ends = [None if moment is None else moment.isoformat() for moment in (item.expires, item.revoked)]
            return item.id, item.name, ends
        case SavedSearch():
            return item.id, item.name, item.query, item.since, item.until, item.project
        case Forward():
            return item.id, item.changed.isoformat()
        case CollectorSettings():
            return (item.model_dump_json(),)
        case _:
            return item.name, item.created.isoformat(), item.description


def check_version(item: Versioned, expected: Expected) -> None:
    """
    Make sure that somebody has seen what he is about to change.

    Args:
        item: As it is now.
        expected: The versions he has seen.

    Raises:
        StaleVersion: It is another one now.
    """
    if expected is not None and version_of(item) not in expected:
        raise StaleVersion("It has changed since it was read; read it again and repeat the change.")
