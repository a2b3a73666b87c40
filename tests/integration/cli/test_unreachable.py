"""What commands say about a collector that they cannot talk to, and tell to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import trustme

from pylogtap.cli.api import Api
from pylogtap.cli.unreachable import Unreachable
from pylogtap_collector.daemon import serving
from pylogtap_collector.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = trustme.CA()


def with_certificate(folder: Path, *names: str) -> Settings:
    """Return settings of a collector that has a certificate for these names."""
    file = folder / "both.pem"
    AUTHORITY.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(file)
    return Settings(memory=True, port=0, adopt=False, tls_certificate=file)


async def told(url: str) -> str:
    """Ask, and return all that is said of it."""
    with pytest.raises(Unreachable) as raised:
        await asyncio.to_thread(Api(url, None).get, "/readyz")
    return "\n".join((raised.value.message, *raised.value.remedies))


async def test_an_authority_that_is_not_known(tmp_path: Path) -> None:
    """Its file is to be named; starting another collector would not help."""
    async with serving(with_certificate(tmp_path, "127.0.0.1")) as url:
        text = await told(url)
    assert "certificate is not trusted" in text
    assert "export SSL_CERT_FILE=" in text
    assert "pylogtap serve" not in text


async def test_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate for another name is told as that, for names and for addresses."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    async with serving(with_certificate(tmp_path, "logs.example.com")) as url:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            text = await told(address)
            assert "certificate is for another name" in text
            assert "pylogtap serve" not in text


async def test_the_wrong_scheme(tmp_path: Path) -> None:
    """HTTP to a port of TLS, and TLS to one of HTTP: the other one is to be tried."""
    async with serving(with_certificate(tmp_path, "127.0.0.1")) as url:
        text = await told(url.replace("https://", "http://"))
        assert f"does it speak TLS? try {url}" in text
        assert "pylogtap serve" not in text
    async with serving(Settings(memory=True, port=0, adopt=False)) as url:
        text = await told(url.replace("http://", "https://"))
        assert f"try {url}" in text
        assert "pylogtap serve" not in text


async def test_nobody_listens() -> None:
    """Where nobody listens, one is to be started."""
    assert "pylogtap serve" in await told("http://127.0.0.1:9")
