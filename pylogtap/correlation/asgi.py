"""ASGI applications, such as those of Starlette and FastAPI: https://asgi.readthedocs.io/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.context import within_case
from pylogtap.correlation.reception import Reception

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class CaseMiddleware:
    """
    Lets what is logged for a request belong to the test case that the request carries.

    ::

        app = CaseMiddleware(app)              # any ASGI application
        app.add_middleware(CaseMiddleware)     # Starlette, FastAPI

    That goes for streamed answers and websockets as well. A request that carries none is passed on as it is.
    """

    def __init__(self, app: Application, *, trust: bool | None = None, forward: bool = True) -> None:
        """
        Put it around an application.

        Args:
            app: The application.
            trust: Believe what requests say; None: as the setting `test_headers` says.
            forward: Also have the application's own requests carry the case, see
                :func:`pylogtap.correlation.instrument_installed`; from the first case on.
        """
        self._app = app
        self._reception = Reception(trust=trust, forward=forward)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve a connection."""
        baggage = [value for name, value in scope.get("headers", ()) if name == b"baggage"]
        case = self._reception.case_in(b",".join(baggage).decode("latin-1")) if baggage else None
        if case is None:
            await self._app(scope, receive, send)
            return
        with within_case(case):
            await self._app(scope, receive, send)
