"""How those protocols say that something went wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from aiohttp import web

from pylogtap_collector.api.problems import PROBLEM_TYPE, problem_answer
from pylogtap_collector.taps import otlp_requests

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.api.dialects import Failure

PROTOBUF, JSON, TEXT = "application/x-protobuf", "application/json", "text/plain"
ELASTIC_HEADERS = {"X-Elastic-Product": "Elasticsearch"}
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_BINARY = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}
# Codes of google.rpc.Code by statuses of HTTP (source: googleapis/googleapis, google/rpc/code.proto).
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 409: 10, 413: 8, 429: 8, 500: 13, 503: 14}
_MAX_HEADER = 200  # characters


class Otlp:
    """A google.rpc.Status, in the form that the request has (source: the OTLP specification, "Failures")."""

    content: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        PROTOBUF: _BINARY,
        JSON: {
            "type": "object",
            "properties": {"code": {"type": "integer"}, "message": _TEXT},
            "required": ["message"],
        },
    }

    def refuse(self, request: web.Request, failure: Failure) -> web.Response:
        """Make the answer."""
        status = _status(failure)
        as_json = "json" in request.content_type
        body = otlp_requests.refusal(_CODES.get(status, 2), failure.detail, as_json=as_json)
        return _answer(status, body, JSON if as_json else PROTOBUF, failure)


class Plain:
    """The detail as text: Loki."""

    content: ClassVar[Mapping[str, Mapping[str, Any]]] = {TEXT: _TEXT}

    def refuse(self, request: web.Request, failure: Failure) -> web.Response:  # noqa: ARG002 - as all have it
        """Make the answer."""
        return _answer(_status(failure), f"{failure.detail}\n".encode(), TEXT, failure)


class Elastic:
    """An error of Elasticsearch."""

    content: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        JSON: {
            "type": "object",
            "properties": {"error": {"type": "object"}, "status": {"type": "integer"}},
            "required": ["error", "status"],
        }
    }

    def refuse(self, request: web.Request, failure: Failure) -> web.Response:  # noqa: ARG002 - as all have it
        """Make the answer."""
        status = _status(failure)
        cause = {"type": f"{failure.code}_exception", "reason": failure.detail}
        document = {"error": {**cause, "root_cause": [cause]}, "status": status}
        return _answer(status, json.dumps(document).encode(), JSON, failure, ELASTIC_HEADERS)


class Sentry:
    """An error of sentry, told in a header as well, which SDKs show."""

    content: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        JSON: {"type": "object", "properties": {"detail": _TEXT}, "required": ["detail"]}
    }

    def refuse(self, request: web.Request, failure: Failure) -> web.Response:  # noqa: ARG002 - as all have it
        """Make the answer."""
        told = failure.detail.encode("ascii", "backslashreplace").decode()
        told = "".join(letter for letter in told if letter.isprintable())[:_MAX_HEADER]
        body = json.dumps({"detail": failure.detail, "causes": []}).encode()
        return _answer(_status(failure), body, JSON, failure, {"X-Sentry-Error": told})


class Problems:
    """A problem document, as our own operations have it."""

    content: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        PROBLEM_TYPE: {"$ref": "#/components/schemas/Problem"}
    }

    def refuse(self, request: web.Request, failure: Failure) -> web.Response:  # noqa: ARG002 - as all have it
        """Make the answer."""
        return problem_answer(
            _status(failure),
            failure.code,
            failure.detail,
            title=failure.title,
            headers=failure.headers,
            **failure.extra,
        )


def _status(failure: Failure) -> int:
    """Return the status: these protocols know 400 for all that is wrong with a request."""
    return 400 if failure.status == 422 else failure.status


def _answer(
    status: int, body: bytes, kind: str, failure: Failure, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        status=status,
        body=body,
        content_type=kind,
        charset="utf-8" if kind == TEXT else None,
        headers={**_HEADERS, **failure.headers, **(headers or {})},
    )
