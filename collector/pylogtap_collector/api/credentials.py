"""The key that a request shows: of our programs as a bearer, of other shippers as their settings have it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

from pylogtap_collector.api.problems import Refusal

if TYPE_CHECKING:
    from aiohttp import web

_KEY_HEADERS = ("X-API-Key", "DD-API-KEY")
_SENTRY = re.compile(r"sentry_key=([^,\s]+)")


def shown_key(request: web.Request, *, foreign: bool) -> str | None:
    """
    Return the key that a request shows; None: it shows none.

    Args:
        request: That.
        foreign: Whether its operation is for programs that are not ours: they may show it by the password of
            basic authentication (RFC 7617), as an API key of Elasticsearch, or as the public key of a sentry
            DSN as well.

    Raises:
        Refusal: It shows something that is understood in no way.
    """
    given = request.headers.get("Authorization")
    if given is None:
        return _elsewhere(request) if foreign else None
    scheme, _, text = given.partition(" ")
    scheme, text = scheme.lower(), text.strip()
    if scheme == "bearer":
        return text or None  # empty: of a variable that is not set, as if nothing were shown
    if foreign and text:
        if scheme == "basic":
            return _pair(text) or None
        if scheme == "apikey":
            return _pair(text) or text
        if scheme == "sentry" and (found := _SENTRY.search(text)):
            return found[1]
    ways = "`Authorization: Bearer KEY`" + (", Basic with the key as the password" if foreign else "")
    raise refusal("no_key", f"Send a key as {ways}; no other scheme is understood.")


def refusal(code: str, detail: str) -> Refusal:
    """
    Return the error that asks for a key.

    Args:
        code: Stable, for programs.
        detail: What is wrong and what to do.
    """
    return Refusal(401, code, detail, WWW_Authenticate='Bearer realm="pylogtap"')


def _elsewhere(request: web.Request) -> str | None:
    found = _SENTRY.search(request.headers.get("X-Sentry-Auth", ""))
    if found:
        return found[1]
    for name in _KEY_HEADERS:
        if request.headers.get(name):
            return request.headers[name].strip()
    return request.query.get("sentry_key") or None


def _pair(text: str) -> str:
    """Return the second of two texts in base64 with a colon between, or the first where that is empty."""
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or user
