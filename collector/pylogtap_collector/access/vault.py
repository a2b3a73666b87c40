"""
Secrets at rest: AES-256-GCM, by a key that is not in the database.

Who gets hold of the database or a backup of it has no secret yet. What is sealed is bound to its name: one
secret cannot be put in another one's place.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from pylogtap_collector.errors import DataUnusable

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"  # the first byte of what is sealed: nonce (12), ciphertext, tag (16) follow
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEX = re.compile(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}")
_MAKE_KEY = "python3 -c 'import secrets; print(secrets.token_hex(32))'"


class SecretUnreadable(ValueError):
    """A sealed secret does not open: by another key, under another name, or because it is damaged."""


class KeyFile:
    """A file that holds a key, made when one is needed first."""

    def __init__(self, path: Path) -> None:
        """
        Name it.

        Args:
            path: Where it is or will be; its folder exists.
        """
        self._path = path

    def read(self) -> bytes | None:
        """
        Return the key, or None if there is no file yet.

        Raises:
            DataUnusable: It is open to others, is no key, or cannot be read.
        """
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait
            try:
                mode = os.fstat(file).st_mode
                text = os.read(file, 4 * KEY_BYTES) if stat.S_ISREG(mode) else b""
            finally:
                os.close(file)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataUnusable(
                f"The key of the secrets cannot be read from {self._path}: {error.strerror}."
            ) from error
        if stat.S_ISREG(mode) and mode & 0o077:
            raise DataUnusable(
                f"Others can read the key of the secrets; close it to them: chmod 600 {self._path}"
            )
        written = text.decode("ascii", "replace").strip()
        if not _HEX.fullmatch(written):
            raise DataUnusable(
                f"{self._path} is not the key of the secrets, which is {2 * KEY_BYTES} hexadecimal digits. "
                "Put the right file back; or delete it, and enter the secrets again."
            )
        return bytes.fromhex(written)

    def make(self) -> bytes:
        """
        Return the key, and make the file before if it is missing.

        Raises:
            DataUnusable: It cannot be written, or what is there cannot be used.
        """
        if (known := self.read()) is not None:
            return known
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        try:
            try:
                self._write(draft, secrets.token_hex(KEY_BYTES))
                # Appears as a whole or not at all; never in place of one that another process made meanwhile.
                with suppress(FileExistsError):
                    os.link(draft, self._path)
            finally:
                draft.unlink(missing_ok=True)
            self._sync_folder()
        except OSError as error:
            raise DataUnusable(
                f"The key of the secrets cannot be written to {self._path}: {error.strerror}."
            ) from error
        made = self.read()
        if made is None:
            raise DataUnusable(f"The key of the secrets disappeared from {self._path}; put it back.")
        return made

    @staticmethod
    def _write(path: Path, text: str) -> None:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(f"{text}\n")
            stream.flush()
            os.fsync(file)

    def _sync_folder(self) -> None:
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Vault:
    """Seals secrets and opens them again."""

    def __init__(self, key: bytes | KeyFile) -> None:
        """
        Take the key.

        Args:
            key: 32 bytes, or the file that will hold them once something is sealed.
        """
        self._file = key if isinstance(key, KeyFile) else None
        self._cipher = None if isinstance(key, KeyFile) else _cipher(key)

    @classmethod
    def open(cls, path: Path | None, given: str | None) -> Self:
        """
        Open the vault with the key that is given, else with that of the file.

        Args:
            path: The key file, made when something is sealed first; None: a key as long-lived as the process.
            given: A key of 32 bytes from the environment, in hexadecimal or base64.

        Raises:
            DataUnusable: The key given is none, or the file cannot be used.
        """
        if given is not None:
            return cls(_key_of(given))
        if path is None:
            return cls(secrets.token_bytes(KEY_BYTES))
        file = KeyFile(path)
        return cls(file.read() or file)

    def seal(self, name: str, text: str) -> bytes:
        """
        Seal a secret. The first one may write the key file: not on the event loop.

        Args:
            name: What it is for; it opens under this name only.
            text: The secret.

        Raises:
            DataUnusable: The key file cannot be made.
        """
        if self._cipher is None:
            assert self._file is not None
            self._cipher = _cipher(self._file.make())
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), _bound_to(name))

    def unseal(self, name: str, sealed: bytes) -> str:
        """
        Open a sealed secret.

        Args:
            name: What it is for.
            sealed: From `seal`.

        Raises:
            SecretUnreadable: Key, name or bytes are not those of sealing.
            DataUnusable: The key file appeared meanwhile, and cannot be used.
        """
        cipher = self._cipher or self._reopened()
        start = len(_VERSION) + _NONCE_BYTES
        if cipher is None or sealed[:1] != _VERSION or len(sealed) < start + _TAG_BYTES:
            raise _unreadable(name)
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in `_cipher`

        try:
            return cipher.decrypt(sealed[1:start], sealed[start:], _bound_to(name)).decode()
        except InvalidTag:
            raise _unreadable(name) from None

    def _reopened(self) -> AESGCM | None:
        key = self._file.read() if self._file else None
        if key is not None:
            self._cipher = _cipher(key)
        return self._cipher


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes")
    # Most collectors keep no secret, and it takes a twelfth of a start.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)


def _bound_to(name: str) -> bytes:
    return _VERSION + name.encode()


def _key_of(given: str) -> bytes:
    text = given.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text.rstrip("=").translate(str.maketrans("-_", "+/")) + "=", validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise DataUnusable(
            f"The key given for the secrets is not {KEY_BYTES} bytes in hexadecimal or base64. "
            f"Make one: {_MAKE_KEY}"
        )
    return key


def _unreadable(name: str) -> SecretUnreadable:
    return SecretUnreadable(
        f"the secret {name!r} does not open: the key is another one, or it is damaged. Start the collector "
        "with the key of then, or enter the secret again."
    )
