"""
The cookie of a session (RFC 6265bis).

It is out of reach for scripts (HttpOnly) and for requests that other sites cause (SameSite=Strict: the pages
themselves are open, so a link from elsewhere still shows them, signed in). Over TLS its name binds it to this
host and to TLS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.services.sessions import LIFE_S

if TYPE_CHECKING:
    from aiohttp import web

    from pylogtap_collector.api.peers import Peer

_PLAIN = "pylogtap_session"
_SECURE = f"__Host-{_PLAIN}"


def session_of(request: web.Request) -> str | None:
    """Return the token that a request shows; None: there is none."""
    return request.cookies.get(_SECURE) or request.cookies.get(_PLAIN) or None


def session_cookie(token: str, peer: Peer) -> str:
    """
    Return the header Set-Cookie that keeps a token.

    Args:
        token: The token.
        peer: Who signs in, and whether over TLS.
    """
    return _cookie(token, LIFE_S, peer)


def no_cookie(peer: Peer) -> str:
    """
    Return the header Set-Cookie that forgets a token.

    Args:
        peer: Who signs out.
    """
    return _cookie("", 0, peer)


def _cookie(value: str, life_s: int, peer: Peer) -> str:
    name, secure = (_SECURE, "; Secure") if peer.secure else (_PLAIN, "")
    return f"{name}={value}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"
