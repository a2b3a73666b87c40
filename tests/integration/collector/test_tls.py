"""A collector with a certificate: over TLS it does all that it does without, and lets nobody hang on."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from pylogtap.cli.api import Api
from pylogtap.cli.unreachable import Unreachable
from pylogtap_collector.crowd import Crowd
from pylogtap_collector.daemon import serving
from pylogtap_collector.errors import TlsUnusable
from pylogtap_collector.proofs.daemon import SERVE
from pylogtap_collector.settings import Settings
from pylogtap_collector.site import Connection, Doorkeeper
from pylogtap_collector.tls import certificate_of
from tests.support.api import Caller
from tests.support.segments import numbered_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

AUTHORITY = trustme.CA()
PROGRAM = """
import logging, sys, pylogtap
pylogtap.init("shop/checkout/web-1", url=sys.argv[1])
for number in range(100):
    logging.info("order %d", number)
"""
_PATIENCE_S = 30.0


class Files:
    """
    The files of a certificate.

    Attributes:
        certificate: The PEM file of the chain.
        key: The PEM file of the private key.
        authority: The PEM file of who signed it.
    """

    def __init__(self, folder: Path) -> None:
        """Write a first certificate."""
        self.certificate, self.key = folder / "fullchain.pem", folder / "privkey.pem"
        self.authority = folder / "authority.pem"
        AUTHORITY.cert_pem.write_to_path(self.authority)
        self.renew()

    def renew(self, *, key: bool = True) -> None:
        """Write another certificate, with its key or without."""
        issued = AUTHORITY.issue_cert("127.0.0.1", "localhost")
        self.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        if key:
            issued.private_key_pem.write_to_path(self.key)

    def settings(self, **more: Any) -> Settings:
        """Return settings of a collector that has this certificate."""
        more = {"tls_certificate": self.certificate, "tls_key": self.key, **more}
        return Settings(memory=True, port=0, adopt=False, **more)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A certificate for the loopback."""
    return Files(tmp_path)


def trusting() -> ssl.SSLContext:
    """Return what a client has that trusts the authority."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Caller]:
    """Yield what calls a collector by one connection that is kept open."""
    connector = aiohttp.TCPConnector(ssl=trusting())
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Caller(session, url)


async def connect(
    url: str, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to a collector; None: without TLS."""
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port, ssl=context)


async def serial(url: str) -> str:
    """Return the serial number of the certificate that a new connection gets."""
    _, writer = await connect(url, trusting())
    number: str = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    await writer.wait_closed()
    return number


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Return what still comes until the collector hangs up, one way or another."""
    async with asyncio.timeout(_PATIENCE_S):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def is_alive(url: str) -> bool:
    """Tell whether a collector answers."""
    async with calling(url) as call:
        return (await call("GET", "/readyz")).status == 200


async def test_the_api_answers(files: Files) -> None:
    """What is delivered over TLS is found over TLS, at an address that says https."""
    async with serving(files.settings()) as url, calling(url) as call:
        assert url.startswith("https://127.0.0.1:")
        assert (await call.deliver(numbered_segment(20))).status == 200
        found = (await call("GET", "/api/v1/logs")).json["items"]
    assert len(found) == 20


async def test_a_certificate_and_its_key_in_one_file(files: Files) -> None:
    """Without a file for the key, it is looked for in the certificate's."""
    files.certificate.write_bytes(files.key.read_bytes() + files.certificate.read_bytes())
    async with serving(files.settings(tls_key=None)) as url:
        assert await is_alive(url)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_versions_that_are_spoken(files: Files, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 are both taken."""
    context = trusting()
    context.minimum_version = context.maximum_version = version
    async with serving(files.settings()) as url:
        _, writer = await connect(url, context)
        assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        writer.close()
        await writer.wait_closed()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_old_versions_are_refused(files: Files) -> None:
    """Whoever speaks nothing newer than TLS 1.1 is refused by the collector."""
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")  # else this side would refuse
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(files.settings()) as url:
        with pytest.raises((ssl.SSLError, ConnectionError)):  # some versions of Python hang up without a word
            await connect(url, context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # else the same client is welcome
        _, writer = await connect(url, context)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01nonsense", b"\0"])
async def test_what_is_no_tls(files: Files, sent: bytes) -> None:
    """Plain HTTP, and anything else, is hung up on; others are served."""
    async with serving(files.settings(header_timeout_s=1.0)) as url:
        reader, writer = await connect(url, None)
        writer.write(sent)
        assert b"HTTP" not in await rest(reader)
        writer.close()
        assert await is_alive(url)


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01"])
async def test_a_handshake_that_does_not_come(files: Files, sent: bytes) -> None:
    """Who connects, and says nothing or half a greeting, is hung up on."""
    async with serving(files.settings(header_timeout_s=0.2)) as url:
        reader, writer = await connect(url, None)
        writer.write(sent)
        assert await rest(reader) == b""
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /readyz HTTP/1.1\r\nHost:"])
async def test_a_header_that_does_not_come(files: Files, sent: bytes) -> None:
    """Who agrees on TLS, and sends half a header, is hung up on."""
    async with serving(files.settings(header_timeout_s=1.0)) as url:
        reader, writer = await connect(url, trusting())
        writer.write(sent)
        assert await rest(reader) == b""
        writer.close()


async def test_the_handshake_counts(files: Files) -> None:
    """A handshake that took all of the header's time leaves none for the header."""

    class Wire(asyncio.Transport):
        def __init__(self) -> None:
            super().__init__()
            self.aborted = asyncio.Event()

        def abort(self) -> None:
            self.aborted.set()

    def never() -> Connection:
        pytest.fail("it was let in without a header")

    doorkeeper, wire = Doorkeeper(never, 0.05, Crowd(10, 10)), Wire()
    await asyncio.sleep(0.1)
    doorkeeper.connection_made(wire)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.aborted.is_set()


async def test_a_renewed_certificate(files: Files) -> None:
    """New connections get the files as they are now; those that are open go on."""
    async with serving(files.settings(), renewal_s=0.0) as url, calling(url) as call:
        assert (await call("GET", "/readyz")).status == 200
        first = await serial(url)
        assert await serial(url) == first
        files.renew()
        assert await serial(url) not in {first, ""}
        assert (await call("GET", "/readyz")).status == 200


async def test_a_renewal_that_is_broken(files: Files, caplog: pytest.LogCaptureFixture) -> None:
    """Half a pair, or no certificate at all, is said, and the old one is used until there is a whole one."""
    async with serving(files.settings(), renewal_s=0.0) as url:
        first = await serial(url)
        for spoil, said in (
            (lambda: files.renew(key=False), "is not that of the certificate"),
            (lambda: files.certificate.write_text("nonsense"), "has no certificate"),
            (files.certificate.unlink, "No such file"),
        ):
            caplog.clear()
            spoil()
            assert await serial(url) == first
            assert said in caplog.text
        files.renew()
        assert await serial(url) != first


async def test_files_are_not_looked_at_for_each_connection(files: Files) -> None:
    """Within the period, the certificate stays."""
    async with serving(files.settings()) as url:
        first = await serial(url)
        files.renew()
        assert await serial(url) == first


def spoil(files: Files, how: str) -> None:
    """Make files of a certificate unusable."""
    if how == "missing certificate":
        files.certificate.unlink()
    elif how == "missing key":
        files.key.unlink()
    elif how == "folder":
        files.key.unlink()
        files.key.mkdir()
    elif how == "nonsense":
        files.certificate.write_bytes(b"\xff\0nonsense")
    elif how == "swapped":
        files.certificate.write_bytes(files.key.read_bytes())
    elif how == "mismatch":
        files.renew(key=False)
    elif how == "torn":
        files.certificate.write_bytes(files.certificate.read_bytes()[:200])
    else:
        key = serialization.load_pem_private_key(files.key.read_bytes(), None)
        how_to = serialization.BestAvailableEncryption(b"secret")
        form = serialization.PrivateFormat.PKCS8
        files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, how_to))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing certificate", r"the certificate in .*fullchain\.pem cannot be read: No such file"),
        ("missing key", r"the private key in .*privkey\.pem cannot be read: No such file"),
        ("folder", r"the private key in .*privkey\.pem cannot be read: Is a directory"),
        ("nonsense", r"fullchain\.pem has no certificate; .* `-----BEGIN CERTIFICATE-----`"),
        ("swapped", r"fullchain\.pem has no certificate"),
        ("mismatch", r"privkey\.pem is not that of the certificate in .*fullchain\.pem"),
        ("torn", r"fullchain\.pem and .*privkey\.pem cannot be used for TLS: "),
        ("encrypted", r"privkey\.pem is encrypted; write it without a passphrase: openssl pkey"),
    ],
)
async def test_files_that_are_wrong(files: Files, how: str, said: str) -> None:
    """The collector does not start, and says which file is wrong, and in what."""
    spoil(files, how)
    with pytest.raises(TlsUnusable, match=said):
        async with serving(files.settings()):
            pass


def test_no_certificate() -> None:
    """Without one the collector speaks plain HTTP."""
    assert certificate_of(Settings(memory=True)) is None


async def run(*arguments: str, **environment: str) -> tuple[int | None, str]:
    """Run Python to its end, and return its exit code and what it printed."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYLOGTAP", "SSL_CERT"))
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**kept, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_the_command_says_what_is_wrong(files: Files) -> None:
    """`pylogtap serve` fails with the sentence alone."""
    files.certificate.unlink()
    pair = ("--tls-certificate", str(files.certificate), "--tls-key", str(files.key))
    code, printed = await run(*SERVE, "serve", "--memory", "--port", "0", *pair)
    assert code == 1
    assert f"the certificate in {files.certificate} cannot be read" in printed
    assert "Traceback" not in printed
    code, printed = await run(*SERVE, "serve", "--memory", "--port", "0", *pair[2:])
    assert code == 2
    assert "tls_certificate" in printed


async def test_a_program_delivers(files: Files, tmp_path: Path) -> None:
    """A program that trusts the authority by SSL_CERT_FILE delivers; one that does not keeps its records."""
    spool = tmp_path / "spool"
    common = {"PYLOGTAP_SPOOL_DIR": str(spool), "PYLOGTAP_CONSOLE": "off"}
    async with serving(files.settings()) as url, calling(url) as call:

        async def count() -> int:
            return len((await call("GET", "/api/v1/logs", params={"limit": "1000"})).json["items"])

        assert await run("-c", PROGRAM, url, **common, PYLOGTAP_EXIT_TIMEOUT_S="0.5") == (0, "")
        assert await count() == 0
        assert list(spool.glob("*/*.seg"))
        trust = {"SSL_CERT_FILE": str(files.authority)}
        patient = {"PYLOGTAP_EXIT_TIMEOUT_S": str(_PATIENCE_S)}
        assert await run("-c", PROGRAM, url, **common, **trust, **patient) == (0, "")
        assert await count() >= 100
        code, printed = await run(*SERVE, "drain", "--url", url, **common, **trust)
        assert code == 0, printed
        assert await count() == 200


async def test_commands_ask(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands trust the same file, and say it when they do not trust the collector."""
    async with serving(files.settings()) as url:
        with pytest.raises(Unreachable, match="certificate"):
            await asyncio.to_thread(Api(url, None).get, "/readyz")
        monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
        assert (await asyncio.to_thread(Api(url, None).get, "/readyz"))["tasks"]
