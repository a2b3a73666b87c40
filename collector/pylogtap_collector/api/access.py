"""
Who may do what: each request goes through here, and no route is reached that is not listed.

Whoever asks shows a key, or the cookie of a session. Without any account or key the collector listens on the
loopback alone, where everybody on this machine may do everything, but no web page from elsewhere may use
somebody's browser for it: neither by a name that points here (DNS rebinding: the Host header is checked) nor
by a request across origins, nor through a proxy that makes strangers look like this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from pylogtap_collector.access.rights import OF_SERVER_ALONE, Right
from pylogtap_collector.access.visitor import NOBODY
from pylogtap_collector.api.cookies import session_of
from pylogtap_collector.api.credentials import refusal, shown_key
from pylogtap_collector.api.peers import Hearsay, Peer, host_name, parse_networks, peer_of
from pylogtap_collector.api.problems import Refusal
from pylogtap_collector.api.requests import PEER, VISITOR
from pylogtap_collector.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler, Middleware

    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.api.routing import Operation
    from pylogtap_collector.services import Services

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})  # values of Sec-Fetch-Site that mean our page, or nobody's


def access(
    services: Services, operations: Mapping[tuple[str, str], Operation], open_paths: frozenset[str]
) -> Middleware:
    """
    Make the middleware that lets requests in.

    Args:
        services: Know who may come in.
        operations: All of them, by method and path.
        open_paths: Paths beyond the API that anybody may read: they tell nothing of what is stored.
    """
    directory, proxies = services.directory, parse_networks(services.settings.proxies)
    hearsay = Hearsay(proxies)
    # The description of the API is open: that a path of it has no such method is no news to anybody.
    described = frozenset(operation.path for operation in operations.values() if operation.is_open)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        peer = peer_of(request, proxies)
        if directory.is_open:
            _check_host(peer, services.settings.host)
        if request.method not in _SAFE:
            _check_origin(request, peer)
        hearsay.look_at(request, peer)
        path = _path(request)
        operation = operations.get((_method(request), path or ""))
        if operation is not None and operation.anonymous:
            visitor = NOBODY.at(peer.address)
        else:
            foreign = operation is not None and operation.dialect is not None
            visitor = _visitor(request, peer, services, foreign=foreign)
        if operation is None:
            _check_unlisted(request, path, visitor, open_paths, described)
        elif not operation.is_open:
            _check_right(request, operation, visitor)
        request[VISITOR], request[PEER] = visitor, peer
        return await handler(request)

    return check


def _method(request: web.Request) -> str:
    return "GET" if request.method == "HEAD" else request.method


def _path(request: web.Request) -> str | None:
    """Return the path of the route, not of the request; None where there is no route."""
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical


def _visitor(request: web.Request, peer: Peer, services: Services, *, foreign: bool) -> Visitor:
    """Return who asks. What is shown has to be good, also where nothing would have to be shown."""
    key, session = shown_key(request, foreign=foreign), session_of(request)
    if foreign and services.directory.is_open:  # some cannot but show one: a DSN of sentry has a key
        key = None
    found = services.directory.visitor(key, session, peer.address, may_be_local=not peer.forwarded)
    if found is not None:
        return found
    if key is not None:
        raise refusal(
            "wrong_key", "This key is not a good one; look it up, or make another: `pylogtap key add`."
        )
    return NOBODY.at(peer.address)  # whose session has ended


def _check_unlisted(
    request: web.Request,
    path: str | None,
    visitor: Visitor,
    open_paths: frozenset[str],
    described: frozenset[str],
) -> None:
    """Let nobody reach what is no operation, but the pages and their files."""
    if path in open_paths and request.method in _SAFE:
        return
    refused = request.match_info.http_exception
    if isinstance(refused, web.HTTPMethodNotAllowed) and request.path in described:
        return
    _check_known(visitor)
    if path is not None and refused is None:
        raise Refusal(403, "missing_right", "Nobody may do this: it is not among the operations of the API.")


def _check_known(visitor: Visitor) -> None:
    if visitor.kind == "nobody":
        raise refusal(
            "no_key",
            "A key or a session is needed: send the key as `Authorization: Bearer KEY` (our programs take it "
            "from PYLOGTAP_KEY), or sign in at /sign-in.",
        )


def _check_right(request: web.Request, operation: Operation, visitor: Visitor) -> None:
    """Ask for the operation's right: in the project that the path names, in all of them, or in any."""
    _check_known(visitor)
    if operation.in_project:
        project = request.match_info["project"]
        visitor.demand(operation.right, project)
    elif operation.right in OF_SERVER_ALONE or operation.right is Right.KNOWN:
        visitor.demand(operation.right)
    elif not visitor.may_somewhere(operation.right):
        raise visitor.refusal(operation.right)


def _check_host(peer: Peer, own: str) -> None:
    if peer.forwarded:
        raise Refusal(
            403,
            "behind_proxy",
            "The collector has no account yet, and this request comes through a proxy, which may let "
            "strangers in: make an account first, by `pylogtap user add`, and name the proxy by "
            "PYLOGTAP_COLLECTOR_PROXIES.",
        )
    name = host_name(peer.host)
    if name == own.lower() or is_loopback(name):
        return
    raise Refusal(
        403,
        "wrong_host",
        "Without accounts and keys the collector answers only under localhost, 127.0.0.1 and [::1]; "
        "to reach it by another name, make an account: `pylogtap user add`.",
    )


def _check_origin(request: web.Request, peer: Peer) -> None:
    """
    Let no page of another origin change anything.

    Browsers say with each such request which page makes it, by `Origin` and `Sec-Fetch-Site` (Fetch
    Metadata, W3C); other programs send neither, and no cookie. Whoever shows a cookie has to say it.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if origin is not None:
        foreign = not _is_own(origin, peer)
    elif site is not None:
        foreign = site not in _OWN
    else:
        foreign = session_of(request) is not None
    if foreign:
        raise Refusal(
            403,
            "cross_origin",
            "Web pages of other origins may not change anything; use the page at /, or a key.",
        )


def _is_own(origin: str, peer: Peer) -> bool:
    """Tell whether an origin is ours; `null` and what is none at all are not."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    same = parts.netloc != "" and parts.netloc.lower() == peer.host.lower()
    return same and (parts.scheme == "https" or not peer.secure)
