"""Which keys name a secret. Decided once per key, before anything is written anywhere."""

from __future__ import annotations

import itertools
import re

REDACTED = "[redacted]"
_REMEMBERED = 10_000  # keys; beyond, each is judged anew, so that invented keys cannot fill the memory

_SECRET_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "secrets", "authorization", "cookie", "cookies"}
    | {"credential", "credentials", "apikey", "jwt", "bearer", "csrf", "xsrf", "cvv", "cvc", "ssn"}
    | {"privatekey", "accesstoken", "refreshtoken", "authtoken", "sessionid"}
)
_SECRET_PAIRS = frozenset(
    {("api", "key"), ("private", "key"), ("access", "key"), ("encryption", "key"), ("session", "id"),
     ("card", "number"), ("pass", "word"), ("signing", "key")}
)  # fmt: skip
_MEANINGFUL = frozenset({"exc_info", "stack_info"})  # never remembered as harmless: they are no plain fields
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


class Redactor:
    """Judges keys. ``harmless`` is the set of those already found to be no secrets: look there first."""

    __slots__ = ("_extra", "_secret", "harmless")

    def __init__(self, extra: tuple[str, ...] = ()) -> None:
        """
        Take the built-in words, and more.

        Args:
            extra: Words that make a key secret too; matched like the built-in ones, case does not count.
        """
        self._extra = frozenset(word.lower() for word in extra)
        self._secret: set[str] = set()
        self.harmless: set[str] = set()

    def extend(self, words: tuple[str, ...]) -> bool:
        """Make further words secret, judge all keys anew, and tell whether any of them is new."""
        if self._extra.issuperset(word.lower() for word in words):
            return False
        self._extra |= {word.lower() for word in words}
        self.harmless.clear()
        return True

    def is_secret(self, key: str) -> bool:
        """Tell whether values under this key must not be written."""
        if key in self.harmless:
            return False
        if key in self._secret:
            return True
        secret = self._judge(key)
        known = self._secret if secret else self.harmless
        if len(known) < _REMEMBERED and key not in _MEANINGFUL:
            known.add(key)
        return secret

    def _judge(self, key: str) -> bool:
        """Look at the words of `someKey`, `some_key`, `Some-Key`; `token` counts last, `tokens` never."""
        words = [word.lower() for word in _WORD.findall(key)]
        if not words:
            return False
        return (
            not _SECRET_WORDS.isdisjoint(words)
            or words[-1] == "token"
            or not _SECRET_PAIRS.isdisjoint(itertools.pairwise(words))
            or (bool(self._extra) and (key.lower() in self._extra or not self._extra.isdisjoint(words)))
        )
