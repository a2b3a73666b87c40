"""Secrets at rest: they open with their key and under their name only, and the key is for nobody else."""

from __future__ import annotations

import base64
import secrets
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pylogtap_collector.access.vault import SecretUnreadable, Vault
from pylogtap_collector.errors import DataUnusable

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
SECRET = "sk-swordfish-äöü"


@given(st.text(), st.text())
def test_what_is_sealed_opens_again(name: str, text: str) -> None:
    """Any text comes back as it was."""
    assert Vault(KEY).unseal(name, Vault(KEY).seal(name, text)) == text


@given(st.text(), st.text())
def test_a_secret_opens_under_its_own_name_only(name: str, other: str) -> None:
    """What was sealed for one purpose cannot be put in place of another."""
    sealed = Vault(KEY).seal(name, SECRET)
    if name != other:
        with pytest.raises(SecretUnreadable, match="does not open"):
            Vault(KEY).unseal(other, sealed)


def test_another_key_does_not_open() -> None:
    """Without the key, there is no secret; and the error is a ValueError that does not show it."""
    sealed = Vault(KEY).seal("ai", SECRET)
    with pytest.raises(ValueError, match="the key is another one") as caught:
        Vault(KEY[::-1]).unseal("ai", sealed)
    assert SECRET not in str(caught.value)


@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    """Whatever bit is flipped, be it of version, nonce, text or tag: it does not open."""
    sealed = bytearray(Vault(KEY).seal("ai", SECRET))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SecretUnreadable):
        Vault(KEY).unseal("ai", bytes(sealed))


def test_every_byte_counts() -> None:
    """Each single byte, flipped or with all after it cut off, spoils the whole."""
    sealed = Vault(KEY).seal("ai", SECRET)
    for place in range(len(sealed)):
        flipped = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        for damaged in (flipped, sealed[:place], sealed + sealed[place:]):
            with pytest.raises(SecretUnreadable):
                Vault(KEY).unseal("ai", damaged)


def test_nothing_sealed_looks_the_same_twice() -> None:
    """Equal secrets cannot be told to be equal, and none is to be seen."""
    sealed = {Vault(KEY).seal("ai", SECRET) for _ in range(1000)}
    assert len({each[1:13] for each in sealed}) == 1000
    assert not any(SECRET.encode() in each for each in sealed)


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_a_key_has_its_length(size: int) -> None:
    """A shorter key, which AES would take, is refused."""
    with pytest.raises(ValueError, match="32 bytes"):
        Vault(bytes(size))


@pytest.mark.parametrize(
    "given_key",
    [
        KEY.hex(),
        KEY.hex().upper(),
        f" {KEY.hex()}\n",
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode().rstrip("="),
    ],
)
def test_a_key_can_be_given(tmp_path: Path, given_key: str) -> None:
    """A key from the environment goes before the file, in any usual writing, and makes none."""
    sealed = Vault.open(tmp_path / "key", given_key).seal("ai", SECRET)
    assert Vault(KEY).unseal("ai", sealed) == SECRET
    assert not list(tmp_path.iterdir())


def test_url_safe_base64_is_base64() -> None:
    """A key of `secrets.token_urlsafe(32)` is taken, with its two other characters."""
    key = b"\xfb\xff" * 16
    text = base64.urlsafe_b64encode(key).decode()
    assert {"-", "_"} <= set(text)
    assert Vault(key).unseal("ai", Vault.open(None, text).seal("ai", SECRET)) == SECRET


@pytest.mark.parametrize(
    "given_key", ["", "  ", "short", KEY.hex()[:-1], KEY.hex() + "00", "ü" * 32, "g" * 64, "A" * 42]
)
def test_a_key_that_is_none_is_refused(given_key: str) -> None:
    """The error has the command that makes a key, and does not repeat what was given."""
    with pytest.raises(DataUnusable, match=r"secrets\.token_hex\(32\)") as caught:
        Vault.open(None, given_key)
    assert given_key.strip() not in caught.value.detail or not given_key.strip()


def test_without_a_file_the_key_lasts_as_long_as_the_vault() -> None:
    """In memory, every vault has a key of its own."""
    vault = Vault.open(None, None)
    sealed = vault.seal("ai", SECRET)
    assert vault.unseal("ai", sealed) == SECRET
    with pytest.raises(SecretUnreadable):
        Vault.open(None, None).unseal("ai", sealed)


def test_the_file_is_made_when_it_is_needed(tmp_path: Path) -> None:
    """Who keeps no secret has no key file; the first secret makes one, for the owner alone."""
    path = tmp_path / "key"
    vault = Vault.open(path, None)
    with pytest.raises(SecretUnreadable):
        vault.unseal("ai", Vault(KEY).seal("ai", SECRET))
    assert not list(tmp_path.iterdir())
    vault.seal("ai", SECRET)
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32


def test_the_file_outlives_the_vault(tmp_path: Path) -> None:
    """A vault that is opened again opens what was sealed before, and keeps the key."""
    path = tmp_path / "key"
    sealed = Vault.open(path, None).seal("ai", SECRET)
    before = path.read_text()
    again = Vault.open(path, None)
    assert again.unseal("ai", sealed) == SECRET
    assert Vault.open(path, None).unseal("ai", again.seal("ai", SECRET)) == SECRET
    assert path.read_text() == before


def test_a_key_made_meanwhile_is_taken(tmp_path: Path) -> None:
    """Two vaults that were opened before there was a file share the key of whichever came first."""
    path = tmp_path / "key"
    first, second, reader = (Vault.open(path, None) for _ in range(3))
    sealed = first.seal("ai", SECRET)
    assert first.unseal("ai", second.seal("ai", SECRET)) == SECRET
    assert reader.unseal("ai", sealed) == SECRET


def test_a_race_for_the_file_has_one_winner(tmp_path: Path) -> None:
    """However many seal their first secret at once, there is one key, and nothing is left lying about."""
    path = tmp_path / "key"
    vaults = [Vault.open(path, None) for _ in range(8)]
    start = threading.Barrier(len(vaults))
    sealed: list[bytes] = []

    def seal(vault: Vault) -> None:
        start.wait()
        sealed.append(vault.seal("ai", SECRET))

    threads = [threading.Thread(target=seal, args=(vault,)) for vault in vaults]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Vault.open(path, None).unseal("ai", each) for each in sealed] == [SECRET] * len(vaults)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620, 0o601, 0o777])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """A key that others can read is none; the message has the command that helps."""
    path = tmp_path / "key"
    path.write_text(KEY.hex())
    path.chmod(mode)
    with pytest.raises(DataUnusable, match=f"chmod 600 {path}") as caught:
        Vault.open(path, None)
    assert KEY.hex() not in caught.value.detail


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_ones_own_is_taken(tmp_path: Path, mode: int) -> None:
    """An administrator may bring the key file along."""
    path = tmp_path / "key"
    path.write_text(KEY.hex())
    path.chmod(mode)
    assert Vault(KEY).unseal("ai", Vault.open(path, None).seal("ai", SECRET)) == SECRET


@pytest.mark.parametrize(
    "content", [b"", b"\n", KEY, KEY.hex()[:-1].encode(), KEY.hex().encode() * 2, b"\xff"]
)
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    """A damaged key file is never replaced by itself: what it sealed would be lost without a word."""
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(DataUnusable, match="64 hexadecimal digits"):
        Vault.open(path, None)
    assert path.read_bytes() == content


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    """What is no file at all is refused, too."""
    with pytest.raises(DataUnusable, match="is not the key"):
        Vault.open(tmp_path, None)


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """Without its folder there is no key file, and the message says where it should have been."""
    path = tmp_path / "missing" / "key"
    with pytest.raises(DataUnusable, match=f"cannot be written to {path}: No such file"):
        Vault.open(path, None).seal("ai", SECRET)


def test_a_vault_does_not_show_its_key() -> None:
    """Printing a vault, as crash reports do, shows nothing."""
    key = secrets.token_bytes(32)
    shown = repr(Vault(key)) + str(vars(Vault(key)))
    assert repr(key) not in shown
    assert key.hex() not in shown
