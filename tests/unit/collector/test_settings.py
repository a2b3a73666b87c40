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
def test_wider_needs_a_key(host: str) -> None:
    """Listening beyond the loopback without a key is refused, and the message has the command that helps."""
    with pytest.raises(ValidationError, match="export PYLOGTAP_KEY="):
        Settings(host=host)


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


def test_the_database_is_in_the_folder(tmp_path: Path) -> None:
    """All data is one file of the data folder."""
    assert Settings(data=tmp_path).database.parent == tmp_path
