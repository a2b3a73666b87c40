"""Requests of `aiohttp` carry the case, and its services stamp what they log for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, TraceConfig, web

from pylogtap.context import current_case, within_case
from pylogtap.correlation.headers import outgoing_headers
from pylogtap.correlation.reception import Reception
from pylogtap.correlation.wrappers import unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import SimpleNamespace

    from aiohttp import TraceRequestStartParams
    from aiohttp.typedefs import Handler, Middleware


def trace_config() -> TraceConfig:
    """Return a trace configuration for one session, whose requests then carry the case that is active."""
    config = TraceConfig()
    config.on_request_start.append(_add)
    return config


def install() -> None:
    """Have the requests of all sessions carry it, those of sessions that are there too. Idempotent."""
    wrap(ClientSession, "_request", _carrying)


def uninstall() -> None:
    """Leave the library as it was."""
    unwrap(ClientSession, "_request")


def case_middleware(*, trust: bool | None = None, forward: bool = True) -> Middleware:
    """
    Return a middleware: what is logged for a request belongs to the test case that the request carries.

    ::

        app = web.Application(middlewares=[case_middleware()])

    That goes for streamed answers and websockets as well. A request that carries none is passed on as it is.

    Args:
        trust: Believe what requests say; None: as the setting `test_headers` says.
        forward: Also have the application's own requests carry the case, see
            :func:`pylogtap.correlation.instrument_installed`; from the first case on.
    """
    reception = Reception(trust=trust, forward=forward)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        baggage = request.headers.getall("baggage", None)
        case = reception.case_in(",".join(baggage)) if baggage else None
        if case is None:
            return await handler(request)
        with within_case(case):
            response = await handler(request)
        if not response.prepared:  # aiohttp writes the body when all middlewares have returned
            response.write_eof = _within(response.write_eof, case)  # type: ignore[method-assign]
        return response

    return middleware


def _within(write: Callable[..., Any], case: str) -> Callable[..., Any]:
    async def writing(*args: Any, **kwargs: Any) -> None:
        with within_case(case):
            await write(*args, **kwargs)

    return writing


async def _add(_: ClientSession, __: SimpleNamespace, params: TraceRequestStartParams) -> None:
    params.headers.update(outgoing_headers(params.headers))


def _carrying(request: Callable[..., Any]) -> Callable[..., Any]:
    def carrying(self: ClientSession, *args: Any, headers: Any = None, **kwargs: Any) -> Any:
        if current_case() is not None:
            usual = self.headers
            given = type(usual)(headers or ())
            given.update(outgoing_headers(type(usual)([*usual.items(), *given.items()])))
            headers = given
        return request(self, *args, headers=headers, **kwargs)  # what the caller awaits

    return carrying
