"""A collector that does not answer, or whose answer cannot be trusted: why, and what to do."""

from __future__ import annotations

import http.client
import ssl
from typing import NamedTuple, Self

from pylogtap.cli.errors import Failed

_OTHER_NAME = frozenset({62, 64})  # of OpenSSL: the certificate is for another host name, another address
_EXPIRED = 10
_START_ONE = (
    "start one:             pylogtap serve",
    "or say where it runs:  export PYLOGTAP_URL=http://HOST:8270",
)


class Unreachable(Failed):
    """Nobody answers there, or nobody that we may talk to."""

    def __init__(self, url: str, reason: str, remedies: tuple[str, ...] = _START_ONE) -> None:
        """
        Say where nobody answers.

        Args:
            url: The address.
            reason: What the system said.
            remedies: What to do.
        """
        super().__init__(f"no collector answers at {url} ({reason})", remedies=remedies)
        self.reason = reason

    @classmethod
    def by(cls, error: Exception, url: str) -> Self:
        """
        Make one of what went wrong with a request.

        Args:
            error: What went wrong.
            url: The address.
        """
        trouble = _trouble(error, url)
        return cls(url, reason_of(error)) if trouble is None else cls(url, *trouble)


class _Trouble(NamedTuple):
    reason: str
    remedies: tuple[str, ...]


def reason_of(error: Exception) -> str:
    """Return what went wrong with a connection, in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def _trouble(error: Exception, url: str) -> _Trouble | None:
    """Return what is wrong about TLS; None: nothing is, as far as we can tell."""
    scheme, _, rest = url.partition("://")
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error)
    # A server of plain HTTP answers a greeting of TLS by something else, or waits for its end.
    waits = isinstance(error, TimeoutError) and "handshake" in str(error)
    if waits or isinstance(error, ssl.SSLError):
        known = getattr(error, "reason", None) or "no answer in time"
        reason = f"TLS failed: {known.lower().replace('_', ' ')}"
        return _Trouble(reason, (f"does it speak plain HTTP? try http://{rest}",))
    # A server that waits for TLS hangs up on HTTP, with an alert or without.
    if scheme == "http" and isinstance(error, http.client.BadStatusLine | ConnectionResetError):
        said = not isinstance(error, ConnectionResetError)  # as RemoteDisconnected is, which is both
        reason = "its answer is no HTTP" if said else "it closed the connection without an answer"
        return _Trouble(reason, (f"does it speak TLS? try https://{rest}",))
    return None


def _of_certificate(error: ssl.SSLCertVerificationError) -> _Trouble:
    found = str(getattr(error, "verify_message", "")) or "it cannot be verified"
    code = getattr(error, "verify_code", 0)
    if code in _OTHER_NAME:
        return _Trouble(
            f"its certificate is for another name: {found}",
            ("say the name that the certificate is for:  export PYLOGTAP_URL=https://NAME:8270",),
        )
    if code == _EXPIRED:
        return _Trouble(f"its certificate is not good: {found}", ("renew it on the collector's machine",))
    return _Trouble(
        f"its certificate is not trusted: {found}",
        ("export SSL_CERT_FILE=…  the authority's certificate, a PEM file",),
    )
