"""From a request to the arguments of an operation, and from its result to the answer."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.api.bodies import BODIES
from pylogtap_collector.api.mistakes import invalid
from pylogtap_collector.api.peers import Peer
from pylogtap_collector.api.problems import Refusal
from pylogtap_collector.api.routing import Answer, Raw
from pylogtap_collector.errors import Invalid, TooLarge
from pylogtap_collector.services import Services

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from pylogtap_collector.api.routing import Operation

JSON_TYPES = ("application/json", "application/merge-patch+json")
VISITOR = web.RequestKey("visitor", Visitor)  # set by pylogtap_collector.api.access
PEER = web.RequestKey("peer", Peer)
_OPEN_MAX = 64 << 10  # bytes of JSON from whoever need not say who he is: names, passwords and codes
_WHOLE = re.compile(r"-?[0-9]+(?:\.0+)?")  # pydantic also takes signs, spaces and underscores
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def handler_of(operation: Operation, services: Services) -> Handler:
    """
    Make the handler that serves an operation.

    Args:
        operation: What to do.
        services: By whom.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        arguments: dict[str, Any] = {}
        arguments |= _checked(operation.path_model, request.match_info, "path")
        arguments |= _checked(operation.query_model, _query(request, operation.query_model), "query")
        arguments |= _checked(operation.header_model, _headers(operation, request), "header")
        for name, kind in operation.injected.items():
            arguments[name] = _injected(kind, request, services)
        if operation.body is None:
            return _answer(operation, await operation.function(**arguments))
        assert operation.body_name is not None
        try:
            arguments[operation.body_name] = await _body(operation, request, services)
            return _answer(operation, await operation.function(**arguments))
        finally:
            request.app[BODIES].release(request)

    return handle


def _injected(kind: type, request: web.Request, services: Services) -> Any:
    if kind is Services:
        return services
    return request[VISITOR] if kind is Visitor else request


def _answer(operation: Operation, result: Any) -> web.StreamResponse:
    if isinstance(result, web.StreamResponse):
        return result
    headers, status = dict(_NO_STORE), operation.status
    if isinstance(result, Answer):
        headers |= result.headers
        status = result.status or status
        result = result.body
    if result is None:
        return web.Response(status=status, headers=headers)
    return web.Response(
        status=status,
        body=result.model_dump_json().encode(),
        content_type="application/json",
        headers=headers,
    )


def _checked(model: type[BaseModel], values: Any, place: str) -> dict[str, Any]:
    if not model.model_fields and not values:
        return {}
    try:
        checked = model.model_validate(dict(values))
    except ValidationError as error:
        raise invalid(error, place, model) from error
    for name in _names(model, "integer") & values.keys():
        if not _WHOLE.fullmatch(values[name]):
            raise Invalid(f"{place} `{name}`: {values[name][:50]!r} is no whole number.")
    return {name: getattr(checked, name) for name in model.model_fields}


@cache
def _names(model: type[BaseModel], kind: str) -> frozenset[str]:
    """Return the names of the members of one of JSON Schema's types, also of those that may be left out."""
    members = model.model_json_schema().get("properties", {})
    return frozenset(
        name
        for name, member in members.items()
        if any(each.get("type") == kind for each in (member, *member.get("anyOf", ())))
    )


def _query(request: web.Request, model: type[BaseModel]) -> dict[str, Any]:
    """Return the members of a query string; lists may be repeated or separated by commas."""
    query, values = request.query, dict[str, Any]()
    lists = _names(model, "array") if query else frozenset[str]()
    for name in dict.fromkeys(query):
        found = query.getall(name)
        if name in lists:
            values[name] = [part for each in found for part in each.split(",") if part or not each]
        elif len(found) > 1:
            raise Invalid(f"query `{name}`: it is given {len(found)} times; give it once.")
        else:
            values[name] = found[0]
    return values


def _headers(operation: Operation, request: web.Request) -> dict[str, str]:
    names = operation.header_names.values()
    return {name: request.headers[name] for name in names if name in request.headers}


async def _body(operation: Operation, request: web.Request, services: Services) -> Any:
    kind = operation.body
    assert kind is not None
    settings, receive = services.settings, request.app[BODIES].receive
    if operation.dialect is not None:
        return await receive(request, settings.tap_max_bytes, settings.body_timeout_s * 4)
    wanted = kind.content_types if isinstance(kind, Raw) else JSON_TYPES
    if request.content_type not in wanted:
        raise Refusal(
            415,
            "unsupported_media_type",
            f"Send the body as {wanted[0]} (Content-Type says {request.content_type}).",
            Accept=", ".join(wanted),
        )
    if isinstance(kind, Raw) and kind.may_be_large:
        return await receive(request, settings.tap_max_bytes, settings.body_timeout_s * 4)
    body = await receive(request, settings.body_max_bytes, settings.body_timeout_s)
    if isinstance(kind, Raw):
        return body
    if "Content-Encoding" in request.headers:
        raise Refusal(415, "unsupported_media_type", "Send JSON as it is, without a Content-Encoding.")
    if operation.is_open and len(body) > _OPEN_MAX:  # reading a large one is work that anybody could ask for
        raise TooLarge(f"This takes a body of at most {_OPEN_MAX:,} bytes.")
    try:
        return kind.model_validate_json(body, strict=True)  # "5" is no number, and 0 is no time
    except ValidationError as error:
        raise invalid(error, "body", kind) from error
