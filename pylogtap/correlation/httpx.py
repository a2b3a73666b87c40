"""Requests of `httpx` carry the case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from httpx import AsyncClient, Client

from pylogtap.correlation.headers import outgoing_headers
from pylogtap.correlation.wrappers import unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpx import Request

AnyClient = TypeVar("AnyClient", bound=Client | AsyncClient)


def instrument_client(client: AnyClient) -> AnyClient:
    """
    Have the requests of one client carry the case that is active where they are made.

    Args:
        client: The client, synchronous or not.

    Returns:
        The same client.
    """
    hooks = client.event_hooks
    hooks["request"].append(_add_later if isinstance(client, AsyncClient) else _add)
    client.event_hooks = hooks
    return client


def install() -> None:
    """Have the requests of all clients do so, those of `httpx.get` and its like too. Idempotent."""
    wrap(Client, "send", _carrying)
    wrap(AsyncClient, "send", _carrying)


def uninstall() -> None:
    """Leave the library as it was."""
    unwrap(Client, "send")
    unwrap(AsyncClient, "send")


def _add(request: Request) -> None:
    request.headers.update(outgoing_headers(request.headers))


async def _add_later(request: Request) -> None:
    _add(request)


def _carrying(send: Callable[..., Any]) -> Callable[..., Any]:
    def carrying(self: Client | AsyncClient, request: Request, **kwargs: Any) -> Any:
        _add(request)
        return send(self, request, **kwargs)  # of an asynchronous client: what its caller awaits

    return carrying
