"""Errors as `application/problem+json` (RFC 9457), also those that the HTTP server itself makes."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pylogtap_collector.api.dialects import Failure
from pylogtap_collector.errors import CollectorError
from pylogtap_collector.models import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler, Middleware

    from pylogtap_collector.api.dialects import Dialect
    from pylogtap_collector.api.routing import Operation

PROBLEM_TYPE = "application/problem+json"
_KEPT_HEADERS = ("Allow", "Location", "Retry-After", "WWW-Authenticate")
_QUIET_S = 60.0  # between two lines of the log that say the same
_MOST_TOLD = 1_000
_log = logging.getLogger("pylogtap.collector")


class Refusal(CollectorError):
    """A request that is refused before any service hears of it."""

    def __init__(self, status: int, code: str, detail: str, **headers: str) -> None:
        """
        Say why.

        Args:
            status: Of HTTP.
            code: Stable, for programs.
            detail: What is wrong and what to do about it.
            headers: Of the answer, `_` for `-`.
        """
        super().__init__(detail)
        self.answer_status, self.answer_code = status, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def problem_answer(
    status: int,
    code: str,
    detail: str,
    *,
    title: str = "",
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> web.Response:
    """
    Make the answer to a request that failed.

    Args:
        status: Of HTTP.
        code: Stable, for programs.
        detail: What is wrong and what to do about it.
        title: The kind of problem; default: the status in words.
        headers: Further headers.
        extra: Further members of the document.
    """
    document = Problem(
        title=title or HTTPStatus(status).phrase, status=status, code=code, detail=detail, **extra
    )
    return web.Response(
        status=status,
        text=document.model_dump_json(),
        content_type=PROBLEM_TYPE,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})},
    )


def problems(operations: Mapping[tuple[str, str], Operation]) -> Middleware:
    """
    Make the middleware that turns whatever a handler raises into an answer.

    Args:
        operations: All of them, by method and path; they know in which protocol to say it.
    """
    told: dict[tuple[str, str, str], float] = {}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                return error
            failure = _of_http(request, error)
        except ConnectionError:
            raise  # nobody is there to read an answer
        except Exception as error:  # noqa: BLE001 - it is logged whole, and somebody waits for an answer
            failure = _failure_of(request, error)
        dialect = _dialect(request, operations)
        if dialect is not None:
            _tell(request, failure, told)
            return dialect.refuse(request, failure)
        return problem_answer(
            failure.status,
            failure.code,
            failure.detail,
            title=failure.title,
            headers=failure.headers,
            **failure.extra,
        )

    return check


def _tell(request: web.Request, failure: Failure, told: dict[tuple[str, str, str], float]) -> None:
    """Log once a minute that a shipper is refused: many of them show nobody what they were answered."""
    assert request.match_info.route.resource is not None
    path, now = request.match_info.route.resource.canonical, time.monotonic()
    key = (path, failure.code, request.remote or "")
    if failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR or now - told.get(key, -_QUIET_S) < _QUIET_S:
        return
    if len(told) >= _MOST_TOLD:
        told.clear()
    told[key] = now
    text = "".join(letter if letter.isprintable() else " " for letter in failure.detail)
    _log.warning("what %s delivers to %s is refused: %s", request.remote, path, text)


def _dialect(request: web.Request, operations: Mapping[tuple[str, str], Operation]) -> Dialect | None:
    resource = request.match_info.route.resource
    if resource is None:
        return None
    method = "GET" if request.method == "HEAD" else request.method
    operation = operations.get((method, resource.canonical))
    return None if operation is None else operation.dialect


def _failure_of(request: web.Request, error: Exception) -> Failure:
    if isinstance(error, Refusal):
        return Failure(error.answer_status, error.answer_code, error.detail, headers=error.headers)
    if isinstance(error, CollectorError):
        headers = {}
        if error.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
        return Failure(error.status, error.code, error.detail, error.title, headers, error.extra)
    # as it was sent, not decoded: a path must not forge lines of the log, or steer a terminal
    _log.exception("%s %s failed", request.method, request.rel_url.raw_path, exc_info=error)
    return Failure(
        500,
        "internal",
        "The collector made a mistake; its own log on standard error says more. Nothing was lost.",
    )


def _of_http(request: web.Request, error: web.HTTPException) -> Failure:
    headers = {name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers}
    if error.status == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.path}; /openapi.json lists what there is."
    elif isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        detail = f"{request.path} has no {request.method}; it has {allowed}."
    elif isinstance(error, web.HTTPRequestEntityTooLarge):
        return Failure(413, "too_large", "The body is too large; send less at once.")
    else:
        detail = error.text or error.reason
    code = HTTPStatus(error.status).phrase.lower().replace(" ", "_").replace("-", "_")
    return Failure(error.status, code, detail, headers=headers)
