"""Requests of `requests` carry the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests import Session

from pylogtap.correlation.headers import outgoing_headers
from pylogtap.correlation.wrappers import unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest, Response


def instrument_session(session: Session) -> Session:
    """
    Have the requests of one session carry the case that is active where they are made.

    Args:
        session: The session.

    Returns:
        The same session.
    """
    session.send = _carrying_bound(session.send)  # type: ignore[method-assign]
    return session


def install() -> None:
    """Have the requests of all sessions do so, those of `requests.get` and its like too. Idempotent."""
    wrap(Session, "send", _carrying)


def uninstall() -> None:
    """Leave the library as it was."""
    unwrap(Session, "send")


def _carrying(send: Callable[..., Response]) -> Callable[..., Response]:
    def carrying(self: Session, request: PreparedRequest, **kwargs: Any) -> Response:
        request.headers.update(outgoing_headers(request.headers))
        return send(self, request, **kwargs)

    return carrying


def _carrying_bound(send: Callable[..., Response]) -> Callable[..., Response]:
    def carrying(request: PreparedRequest, **kwargs: Any) -> Response:
        request.headers.update(outgoing_headers(request.headers))
        return send(request, **kwargs)

    return carrying
