"""Passwords: argon2id (RFC 9106), with its second recommended option: 64 MiB, three passes, four lanes."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()  # the package's default is that option
# What a name that nobody has is compared with, so that it costs the same as one that somebody has.
_NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZSBzYWx0IG9mIG91cnM$7kTc2d2rSQd0WYCd4qAJ8nU5yyTqW8pRqKqgbb7zcuo"
)


def hash_password(password: str) -> str:
    """
    Return what is kept of a password. Takes some 50 ms of all cores and 64 MiB: not on the event loop.

    Args:
        password: As it was typed.
    """
    return _hasher.hash(password)


def verify_password(kept: str | None, password: str) -> bool:
    """
    Tell whether a password is the right one, in the same time whether there is one or not.

    Args:
        kept: From :func:`hash_password`; None: there is nobody of that name.
        password: As it was typed.
    """
    try:
        _hasher.verify(kept or _NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_dated(kept: str) -> bool:
    """Tell whether a password should be hashed anew, because more is recommended today."""
    return _hasher.check_needs_rehash(kept)
