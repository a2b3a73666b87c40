"""WSGI applications, such as those of Flask and Django: PEP 3333."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pylogtap.context import within_case
from pylogtap.correlation.reception import Reception

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class CaseMiddleware:
    """
    Lets what is logged for a request belong to the test case that the request carries.

    ::

        app = CaseMiddleware(app)                       # any WSGI application
        app.wsgi_app = CaseMiddleware(app.wsgi_app)     # Flask

    That goes for streamed answers as well. A request that carries none is passed on as it is.
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

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve a request."""
        baggage = environ.get("HTTP_BAGGAGE")
        case = self._reception.case_in(baggage) if baggage else None
        if case is None:
            return self._app(environ, start_response)
        with within_case(case):
            body = self._app(environ, start_response)
        return body if type(body) in {list, tuple} else _Streamed(body, case)


class _Streamed:
    """An answer that is made piece by piece, each within the case."""

    def __init__(self, body: Iterable[bytes], case: str) -> None:
        self._body, self._case = body, case
        self._pieces: Iterator[bytes] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        with within_case(self._case):
            if self._pieces is None:
                self._pieces = iter(self._body)
            return next(self._pieces)

    def close(self) -> None:
        """End what makes the pieces, as the server asks for."""
        close = getattr(self._body, "close", None)
        if close is not None:
            with within_case(self._case):
                close()
