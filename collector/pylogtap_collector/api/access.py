"""
Who may come in.

With a key, whoever knows it. Without one the collector listens on the loopback alone, where everybody on this
machine may read and write, but no web page from elsewhere may use somebody's browser for it: neither by a
name that points here (DNS rebinding: the Host header is checked) nor by a request across origins.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from pylogtap_collector.api.problems import Refusal
from pylogtap_collector.settings import is_loopback

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from pylogtap_collector.settings import Settings

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def access(settings: Settings, open_paths: frozenset[str]) -> Middleware:
    """
    Make the middleware that lets requests in.

    Args:
        settings: Key and host.
        open_paths: Paths of the routes that need no key: they tell nothing of what is stored.
    """
    key = None if settings.key is None else settings.key.get_secret_value().encode()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if key is None:
            _check_host(request, settings.host)
        elif _path(request) not in open_paths:
            _check_key(request, key)
        if request.method not in _SAFE:
            _check_origin(request)
        return await handler(request)

    return check


def _path(request: web.Request) -> str | None:
    """Return the path of the route, not of the request; None where there is no route."""
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical


def _check_key(request: web.Request, key: bytes) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode("utf-8", "replace"), key):
        return
    detail = (
        "The key is not the right one; give the one the collector was started with."
        if given
        else "A key is needed; send it as `Authorization: Bearer KEY`, or set PYLOGTAP_KEY for our programs."
    )
    raise Refusal(401, "wrong_key" if given else "no_key", detail, WWW_Authenticate='Bearer realm="pylogtap"')


def _check_host(request: web.Request, own: str) -> None:
    try:
        name = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        name = ""
    if name == own.lower() or is_loopback(name):
        return
    raise Refusal(
        403,
        "wrong_host",
        "Without a key the collector answers only under localhost, 127.0.0.1 and [::1]; "
        "to reach it by another name, start it with a key.",
    )


def _check_origin(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    if origin is None:
        return  # no browser
    if urlsplit(origin).netloc.lower() != request.headers.get("Host", "").lower():
        raise Refusal(
            403, "cross_origin", "Web pages of other origins may not change anything; use the page at /."
        )
