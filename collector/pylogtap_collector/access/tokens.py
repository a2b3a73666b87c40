"""
Tokens: what programs and browsers show.

They are random, of 256 bits, so that a check sum without salt and stretching is enough to keep (OWASP ASVS
5.0, 11.4): a request costs a microsecond, and a stolen database has none of them.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

from pylogtap_collector.settings import BRAND

_PREFIX = 10  # characters
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # none that can be taken for another
_CODE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_GROUPS = 3  # of four characters: 60 bits


class NewToken(NamedTuple):
    """
    A token that was just made.

    Attributes:
        text: What its owner shows.
        prefix: How it begins; may be known.
        digest: What is kept of it.
    """

    text: str
    prefix: str
    digest: bytes


def make_key() -> NewToken:
    """Return a new key."""
    prefix = f"{BRAND}_{''.join(secrets.choice(_ALPHABET) for _ in range(_PREFIX))}"
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    return NewToken(text, prefix, digest_of(text))


def make_session() -> NewToken:
    """Return a new token for a browser."""
    text = secrets.token_urlsafe(32)
    return NewToken(text, "", digest_of(text))


def make_code() -> str:
    """Return a new code for people to type: `K7QM-2F9X-WD4P`."""
    letters = [secrets.choice(_CODE) for _ in range(4 * _CODE_GROUPS)]
    return "-".join("".join(letters[at : at + 4]) for at in range(0, len(letters), 4))


def plain_code(text: str) -> str:
    """Return a code as it was typed without what does not count: case, spaces, dashes."""
    return "".join(text.split()).replace("-", "").upper()


def prefix_of(text: str) -> str:
    """Return how a key begins; of what is no key, anything."""
    return text[: len(BRAND) + 1 + _PREFIX]


def digest_of(text: str) -> bytes:
    """Return what is kept of a token: SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
