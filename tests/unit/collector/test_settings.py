"""The collector's settings, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from pylogtap_collector.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "COLLECTOR_KEY", "COLLECTOR_HOST", "COLLECTOR_PORT"):
        monkeypatch.delenv(f"PYLOGTAP_{name}", raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_key(host: str) -> None:
    """Whoever can reach the loopback is on this machine already."""
    assert Settings(host=host).key is None


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "collector.example", ""])
def test_wider(host: str) -> None:
    """Where other machines can reach it, settings say so."""
    assert Settings(host=host).wide
    assert not Settings().wide


def test_a_key_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key comes from the variable that clients read, too."""
    monkeypatch.setenv("PYLOGTAP_KEY", "a-long-secret")
    settings = Settings(host="0.0.0.0")
    assert settings.key is not None
    assert settings.key.get_secret_value() == "a-long-secret"


def test_a_key_is_not_shown() -> None:
    """Printing the settings, as crash reports do, shows no secret."""
    assert "a-long-secret" not in repr(Settings(key="a-long-secret"))


def test_a_short_key_is_refused() -> None:
    """A key that can be guessed is none."""
    with pytest.raises(ValidationError, match="key"):
        Settings(key="1234")


def test_the_environment_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting can come from a variable; an argument goes before it."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_PORT", "9000")
    assert Settings().port == 9000
    assert Settings(port=9001).port == 9001


def test_unknown_settings_are_refused() -> None:
    """A misspelt setting is an error, not silence."""
    with pytest.raises(ValidationError, match="prot"):
        Settings(prot=1)  # type: ignore[call-arg]


def test_a_tls_key_needs_its_certificate(tmp_path: Path) -> None:
    """A key alone would leave the collector without TLS, silently."""
    with pytest.raises(ValidationError, match="tls_certificate"):
        Settings(tls_key=tmp_path / "key.pem")
    assert Settings(tls_key=tmp_path / "key.pem", tls_certificate=tmp_path / "it.pem").tls_key is not None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ()),
        ("127.0.0.1", ("127.0.0.1",)),
        ("127.0.0.1, 10.0.0.0/8,fd00::/8,", ("127.0.0.1", "10.0.0.0/8", "fd00::/8")),
    ],
)
def test_proxies_of_the_environment(
    text: str, read: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several are written with commas between."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_PROXIES", text)
    assert Settings().proxies == read


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.5/8", "*", "127.0.0.1:80"])
def test_proxies_that_are_none(text: str) -> None:
    """Names, and networks that cover more than they show, are refused."""
    with pytest.raises(ValidationError, match=r"is no address and no network .* write for example"):
        Settings(proxies=("127.0.0.1", text))


@pytest.mark.parametrize("key", ["ab" * 31, "ab" * 33, "xy" * 32, "", "ab" * 32 + "\n"])
def test_a_secret_key_of_another_size(key: str) -> None:
    """A secret key is 32 bytes; the refusal tells how to make one, and does not tell what was given."""
    with pytest.raises(ValidationError, match="token_hex") as refused:
        Settings(secret_key=key)
    assert "ab" * 20 not in str(refused.value)
    assert Settings(secret_key="aB" * 32).secret_key is not None


def test_origins_are_written_in_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Origins can be compared as texts."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_OUTGOING", "HTTPS://Models.Example:443/, http://[::1]:11434")
    assert Settings().outgoing == ("https://models.example", "http://[::1]:11434")


@pytest.mark.parametrize(
    "text",
    ["models.example", "ftp://a", "https://", "https://a/v1", "https://me@a", "https://a?b", "http://a:x"],
)
def test_origins_that_are_none(text: str) -> None:
    """What is no origin is refused, and the message says what one looks like or what is wrong."""
    with pytest.raises(ValidationError, match="is no origin"):
        Settings(outgoing=(text,))


def test_the_database_is_in_the_folder(tmp_path: Path) -> None:
    """All data is one file of the data folder."""
    assert Settings(data=tmp_path).database.parent == tmp_path


def test_a_key_of_a_program_is_not_the_collectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has a project's key in the environment, and starts a collector, does not give it all rights."""
    monkeypatch.setenv("PYLOGTAP_KEY", "plt_k3m9x2vq7d_0123456789")
    assert Settings().key is None
    monkeypatch.setenv("PYLOGTAP_KEY", "a key of my own")
    key = Settings().key
    assert key is not None
    assert key.get_secret_value() == "a key of my own"


@pytest.mark.parametrize(
    "text",
    [
        "auto",
        "off",
        "unix:///var/run/docker.sock",
        "tcp://127.0.0.1:2375",
        "http://[::1]:2375",
        "tcp://box:1/",
    ],
)
def test_engines(text: str) -> None:
    """An engine is found, left alone, or has an address."""
    assert Settings(docker=text).docker == text


@pytest.mark.parametrize(
    "text",
    ["", "on", "/var/run/docker.sock", "unix://", "unix://var/run/docker.sock", "ssh://box", "https://box:2376",
     "tcp://box", "tcp://box:x", "tcp://:2375", "tcp://box:2375/v1"],
)  # fmt: skip
def test_engines_that_are_none(text: str) -> None:
    """What cannot be an engine is refused at the start, with what can be written."""
    with pytest.raises(
        ValidationError, match=r"no container engine; write auto, off, unix:///PATH or tcp://"
    ):
        Settings(docker=text)


@pytest.mark.parametrize(("name", "least"), [("docker_period_s", 0.2), ("host_period_s", 0.1)])
def test_periods_have_bounds(name: str, least: float) -> None:
    """Neither a busy loop nor a sample a day can be set by accident."""
    for good in (least, 3600):
        assert getattr(Settings.model_validate({name: good}), name) == good
    for bad in (0, least / 2, 3601, float("nan")):
        with pytest.raises(ValidationError, match=name):
            Settings.model_validate({name: bad})
