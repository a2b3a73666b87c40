"""Requests of `urllib3` carry the case, and so do those of libraries that are built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from urllib3 import HTTPConnectionPool, PoolManager

from pylogtap.correlation.headers import outgoing_headers
from pylogtap.correlation.wrappers import unwrap, wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from urllib3 import BaseHTTPResponse

AnyPool = TypeVar("AnyPool", HTTPConnectionPool, PoolManager)
_HEADERS = 3  # place of the headers among the arguments of a pool's `urlopen`


def instrument_pool(pool: AnyPool) -> AnyPool:
    """
    Have the requests of one pool of connections, or of a manager of pools, carry the case that is active.

    Args:
        pool: The pool or manager.

    Returns:
        The same one.
    """
    urlopen: Callable[..., BaseHTTPResponse] = pool.urlopen

    def carrying(*args: Any, **kwargs: Any) -> BaseHTTPResponse:
        args, kwargs = _with_headers(args, kwargs, pool.headers)
        return urlopen(*args, **kwargs)

    pool.urlopen = carrying  # type: ignore[method-assign]
    return pool


def install() -> None:
    """Have the requests of all pools do so. Idempotent."""
    wrap(HTTPConnectionPool, "urlopen", _carrying)


def uninstall() -> None:
    """Leave the library as it was."""
    unwrap(HTTPConnectionPool, "urlopen")


def _carrying(urlopen: Callable[..., BaseHTTPResponse]) -> Callable[..., BaseHTTPResponse]:
    def carrying(self: HTTPConnectionPool, *args: Any, **kwargs: Any) -> BaseHTTPResponse:
        args, kwargs = _with_headers(args, kwargs, self.headers)
        return urlopen(self, *args, **kwargs)

    return carrying


def _with_headers(
    args: tuple[Any, ...], kwargs: dict[str, Any], usual: Mapping[str, str]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call, with headers that say more where a case is active."""
    given = args[_HEADERS] if len(args) > _HEADERS else kwargs.get("headers")
    headers = usual if given is None else given
    more = outgoing_headers(headers)
    if not more:
        return args, kwargs
    kept = {name: value for name, value in headers.items() if name.lower() not in more}
    if len(args) > _HEADERS:
        return (*args[:_HEADERS], {**kept, **more}, *args[_HEADERS + 1 :]), kwargs
    return args, {**kwargs, "headers": {**kept, **more}}
