"""Errors as `application/problem+json` (RFC 9457), also those that the HTTP server itself makes."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pylogtap_collector.errors import CollectorError
from pylogtap_collector.models import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

PROBLEM_TYPE = "application/problem+json"
_KEPT_HEADERS = ("Allow", "Location", "Retry-After", "WWW-Authenticate")
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


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem document."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return problem_answer(
            refusal.answer_status, refusal.answer_code, refusal.detail, headers=refusal.headers
        )
    except CollectorError as error:
        return _of_collector(error)
    except web.HTTPException as error:
        return _of_http(request, error)
    except ConnectionError:
        raise  # nobody is there to read an answer
    except Exception:  # noqa: BLE001 - it is logged whole, and somebody waits for an answer
        # as it was sent, not decoded: a path must not forge lines of the log, or steer a terminal
        _log.exception("%s %s failed", request.method, request.rel_url.raw_path)
        return problem_answer(
            500,
            "internal",
            "The collector made a mistake; its own log on standard error says more. Nothing was lost.",
        )


def _of_collector(error: CollectorError) -> web.Response:
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return problem_answer(
        error.status, error.code, error.detail, title=error.title, headers=headers, **error.extra
    )


def _of_http(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        return error
    headers = {name: error.headers[name] for name in _KEPT_HEADERS if name in error.headers}
    if error.status == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {request.path}; /openapi.json lists what there is."
    elif isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        detail = f"{request.path} has no {request.method}; it has {allowed}."
    elif isinstance(error, web.HTTPRequestEntityTooLarge):
        return problem_answer(413, "too_large", "The body is too large; send less at once.")
    else:
        detail = error.text or error.reason
    code = HTTPStatus(error.status).phrase.lower().replace(" ", "_").replace("-", "_")
    return problem_answer(error.status, code, detail, headers=headers)
