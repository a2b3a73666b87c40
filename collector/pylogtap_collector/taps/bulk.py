"""
Bulk requests of Elasticsearch to entries: lines in pairs, what to do and a document.

Sources: https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk and the Elastic Common
Schema, https://www.elastic.co/docs/reference/ecs. Documents are added, never changed: `create` and `index`
are taken, `update` and `delete` answered by an error each.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import segment_name
from pylogtap_collector.taps.jsonlines import entry_of
from pylogtap_collector.taps.values import read_json, storable, text_of
from pylogtap_collector.wire import UNKNOWN

if TYPE_CHECKING:
    from pylogtap_collector.taps.entries import Entry
    from pylogtap_collector.wire import Place

_ADDS = ("create", "index")
_CHANGES = ("update", "delete")
# Dates and numbers that shippers put behind the name of an index: `filebeat-8.1.0-2026.01.31-000001`.
_SUFFIX = re.compile(r"(?:-\d+\.\d+\.\d+)?(?:-\d{4}[.-]\d{2}(?:[.-]\d{2})?)?(?:-\d{6})?$")
_DATED = re.compile(r"^\.?(?:ds-)?")


class Item(NamedTuple):
    """
    One pair of a request.

    Attributes:
        action: What it says to do.
        index_name: Of the index that it names.
        id: Of the document; None: it has none.
        entry: What can be stored.
        error: Why it cannot.
        status: Of HTTP, for the error.
    """

    action: str
    index_name: str
    id: str | None
    entry: Entry | None
    error: str = ""
    status: int = 400


def decode_bulk(body: bytes, default: Place, now_ns: int, index: str = "") -> list[Item]:
    """
    Decode the body of a bulk request.

    Args:
        body: Decompressed.
        default: The place of what does not say where it comes from; its service gives way to the index.
        now_ns: The present, ns since the epoch.
        index: Name of the index that the path names.

    Raises:
        Undecodable: A line that should say what to do does not; which document is meant is not known then.
    """
    lines = iter([line for line in body.split(b"\n") if line.strip()])
    items: list[Item] = []
    for line in lines:
        action, meta = _action(line, len(items))
        name, identity = text_of(meta.get("_index")) or index, meta.get("_id")
        item = Item(action, name, None if identity is None else text_of(identity), None)
        if action == "delete":
            items.append(item._replace(error="nothing is deleted here"))
            continue
        document = next(lines, None)
        if document is None:
            items.append(item._replace(error="the document is missing: the request is cut"))
        elif action == "update":
            items.append(item._replace(error="nothing is changed here; send `create` or `index`"))
        else:
            items.append(_with_document(item, document, default, now_ns))
    if not items:
        raise Undecodable("The body holds no pair of lines.")
    return items


def identity_of(items: list[Item]) -> bytes | None:
    """Return what tells a request from others, where each of its documents has an id; else None."""
    digest = hashlib.sha256()
    for item in items:
        if item.id is None:
            return None
        digest.update(
            f"{len(item.index_name)} {item.index_name} {len(item.id)} {item.id} ".encode(errors="replace")
        )
    return digest.digest()


def answer(items: list[Item]) -> dict[str, Any]:
    """
    Return the answer to a request.

    Args:
        items: Those without an error are stored.
    """
    return {
        "took": 0,
        "errors": any(item.error for item in items),
        "items": [{item.action: _outcome(item, number)} for number, item in enumerate(items)],
    }


def _outcome(item: Item, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {"_index": item.index_name or "logs", "_id": item.id or f"{number}"}
    if item.error:
        kind = "mapper_parsing_exception" if item.action in _ADDS else "illegal_argument_exception"
        return {**found, "status": item.status, "error": {"type": kind, "reason": item.error}}
    shards = {"total": 1, "successful": 1, "failed": 0}
    return {**found, "_version": 1, "result": "created", "_shards": shards, "_seq_no": 0, "status": 201}


def _action(line: bytes, number: int) -> tuple[str, dict[str, Any]]:
    try:
        document = read_json(line)
    except Undecodable:
        document = None
    if isinstance(document, dict) and len(document) == 1:
        ((action, meta),) = document.items()
        if action in _ADDS + _CHANGES and isinstance(meta, dict | None):
            return action, storable(meta or {})
    raise Undecodable(
        f"Pair {number + 1} has to begin with a line that says what to do, such as "
        '{"create": {}}; the document follows in a line of its own.'
    )


def _with_document(item: Item, line: bytes, default: Place, now_ns: int) -> Item:
    try:
        document = read_json(line)
    except Undecodable as error:
        return item._replace(error=error.detail)
    if not isinstance(document, dict):
        return item._replace(error="the document is no JSON object")
    place = default
    if item.index_name:
        service = service_of_index(item.index_name)
        place = default._replace(service=service)
    return item._replace(entry=entry_of(document, place, now_ns))


def service_of_index(index: str) -> str:
    """Return the name of an index without what shippers put around it, as that of a service."""
    return segment_name(_SUFFIX.sub("", _DATED.sub("", index)), UNKNOWN)
