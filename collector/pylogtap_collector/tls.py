"""The collector's certificate: its files are read at the start, and again when they were renewed."""

from __future__ import annotations

import logging
import ssl
import time
from typing import TYPE_CHECKING, NoReturn

from pylogtap_collector.errors import TlsUnusable

if TYPE_CHECKING:
    from pathlib import Path

    from pylogtap_collector.settings import Settings

RENEWAL_S = 60.0  # how often to look for renewed files, at most
_MARKS = {"certificate": "-----BEGIN CERTIFICATE-----", "private key": "PRIVATE KEY-----"}

_log = logging.getLogger("pylogtap.collector")


class Certificate:
    """
    The certificate that new connections get.

    The server keeps the one context that it was started with. Renewed files go into a context of their own,
    and each handshake changes to the newest: so a connection gets a certificate and its key from the same
    files, never halves of two pairs.

    Attributes:
        context: For the server.
    """

    def __init__(self, certificate: Path, key: Path | None = None, *, period_s: float = RENEWAL_S) -> None:
        """
        Read the files.

        Args:
            certificate: PEM file with the chain.
            key: PEM file of the private key; None: it is in the certificate's file.
            period_s: How often to look for renewed files, at most.

        Raises:
            TlsUnusable: A file cannot be read or used.
        """
        self._certificate, self._key, self._period_s = certificate, key or certificate, period_s
        self._seen = self._state()
        self.context = self._newest = self._load()
        self.context.sni_callback = self._choose
        self._due = time.monotonic() + period_s

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """Let a handshake have the newest certificate; called for each, with a server's name or without."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._period_s
            self._renew()
        connection.context = self._newest

    def _renew(self) -> None:
        """Read files that changed; where that fails, as one of two is new yet, the next time again."""
        state = self._state()
        if state == self._seen:
            return
        try:
            self._newest = self._load()
        except TlsUnusable as error:
            _log.warning("the certificate could not be renewed, the old one is used on: %s", error.detail)
            return
        self._seen = state
        _log.info("the certificate was renewed from %s", self._certificate)

    def _state(self) -> list[tuple[int, int, int]]:
        """Return what tells that files were written or replaced."""
        found = []
        for path in (self._certificate, self._key):
            try:
                status = path.stat()
            except OSError:  # said when it is read
                continue
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        return found

    def _load(self) -> ssl.SSLContext:
        _check(self._certificate, "certificate")
        _check(self._key, "private key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])

        def ask() -> NoReturn:  # in place of OpenSSL, which would ask on the terminal
            raise TlsUnusable(
                f"the private key in {self._key} is encrypted; write it without a passphrase: "
                f"openssl pkey -in {self._key} -out PLAIN.pem"
            )

        try:
            context.load_cert_chain(self._certificate, self._key, password=ask)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise TlsUnusable(
                    f"the private key in {self._key} is not that of the certificate in {self._certificate}; "
                    "the file has to begin with the collector's own certificate, its authorities follow"
                ) from error
            files = " and ".join(dict.fromkeys((str(self._certificate), str(self._key))))
            raise TlsUnusable(f"{files} cannot be used for TLS: {error.reason or error}") from error
        except OSError as error:  # a file went away just now
            raise TlsUnusable(f"{self._certificate} cannot be read: {error.strerror or error}") from error
        return context


def certificate_of(settings: Settings, *, period_s: float = RENEWAL_S) -> Certificate | None:
    """
    Read the certificate that a collector is to have; None: it speaks plain HTTP.

    Args:
        settings: Its files.
        period_s: How often to look for renewed files, at most.

    Raises:
        TlsUnusable: A file cannot be read or used.
    """
    if settings.tls_certificate is None:
        return None
    return Certificate(settings.tls_certificate, settings.tls_key, period_s=period_s)


def _check(path: Path, what: str) -> None:
    """Name the file that is wrong; OpenSSL says only that one is."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TlsUnusable(f"the {what} in {path} cannot be read: {error.strerror or error}") from error
    if _MARKS[what] not in text:
        raise TlsUnusable(f"{path} has no {what}; it has to be a PEM file with a line `{_line(what)}`")


def _line(what: str) -> str:
    return f"-----BEGIN {what.upper()}-----"
