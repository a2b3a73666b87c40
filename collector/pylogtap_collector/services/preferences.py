"""
Settings that are changed while the collector runs, and secrets among them.

What the collector was started with wins: who starts it can rely on it. Secrets are encrypted, written only,
and decrypted for the one request that needs them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from pylogtap_collector.access.vault import SecretUnreadable
from pylogtap_collector.errors import Conflict
from pylogtap_collector.models import (
    AiSettings,
    CollectorSettings,
    GithubSettings,
    LimitSettings,
    RedactionSettings,
    RetentionSettings,
    SecretState,
)
from pylogtap_collector.outgoing.addresses import check_url
from pylogtap_collector.services.versions import check_version
from pylogtap_collector.storage import audit, preferences
from pylogtap_collector.times import to_datetime

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from pydantic import BaseModel

    from pylogtap_collector.access.vault import Vault
    from pylogtap_collector.access.visitor import Visitor
    from pylogtap_collector.models import SettingsPatch
    from pylogtap_collector.outgoing.addresses import Origin
    from pylogtap_collector.services.versions import Expected
    from pylogtap_collector.settings import LiveSettings
    from pylogtap_collector.storage.engine import Engine
    from pylogtap_collector.storage.preferences import SettingRow

GITHUB_URL = "https://api.github.com"
OF_START = {  # those that can be given at the start as well, by the name they have there
    "retention.keep_days": "keep_days",
    "retention.keep_bytes": "keep_bytes",
    "limits.query_timeout_s": "query_timeout_s",
    "limits.backlog_max_bytes": "backlog_max_bytes",
    "limits.tail_buffer": "tail_buffer",
}
SECRETS = frozenset({"ai.token", "github.token"})
URLS = frozenset({"ai.url", "github.url"})
MOST_WORDS = 200


class Preferences:
    """
    Knows the settings, and changes them.

    Attributes:
        words: What clients are told with each answer.
    """

    def __init__(self, engine: Engine, live: LiveSettings, vault: Vault, allowed: Collection[Origin]) -> None:
        """
        Bind what it needs; :meth:`load` reads.

        Args:
            engine: The database.
            live: Takes the settings as they are, for all who need them.
            vault: Encrypts.
            allowed: What the collector may call.
        """
        self.words: dict[str, Any] = {}
        self._engine = engine
        self._live = live
        self._vault = vault
        self._allowed = allowed
        self._said: Mapping[str, SettingRow] = {}
        self._changes = self._taken = 0

    async def load(self) -> None:
        """Read what was said before."""
        self._take(await self._engine.read(preferences.read_settings))

    def _take(self, said: Mapping[str, SettingRow]) -> None:
        self._said = said
        free = [name for name in OF_START if name in said and not self._is_fixed(name)]
        self._live.change({OF_START[name]: said[name].value for name in free})
        self._engine.query_timeout_s = self._live.now.query_timeout_s
        keys = self._value("redaction.keys") or []
        self.words = {"redact": keys} if keys else {}

    def _is_fixed(self, name: str) -> bool:
        return OF_START.get(name) in self._live.given

    def _value(self, name: str) -> Any:
        row = self._said.get(name)
        return None if row is None else row.value

    def read(self) -> CollectorSettings:
        """Return the settings as they are."""
        return self._describe(self._said)

    def _describe(self, said: Mapping[str, SettingRow]) -> CollectorSettings:
        now = self._live.now

        def value(name: str, default: Any = None) -> Any:
            return said[name].value if name in said else default

        def limit(name: str) -> Any:
            own = OF_START[name]
            return getattr(now, own) if self._is_fixed(name) else value(name, getattr(self._live.start, own))

        return CollectorSettings(
            retention=RetentionSettings(
                keep_days=limit("retention.keep_days"), keep_bytes=limit("retention.keep_bytes")
            ),
            limits=LimitSettings(
                query_timeout_s=limit("limits.query_timeout_s"),
                backlog_max_bytes=limit("limits.backlog_max_bytes"),
                tail_buffer=limit("limits.tail_buffer"),
            ),
            redaction=RedactionSettings(keys=value("redaction.keys", [])),
            ai=AiSettings(
                provider=value("ai.provider", "none"),
                url=value("ai.url"),
                model=value("ai.model"),
                token=self._secret_state("ai.token", said),
            ),
            github=GithubSettings(
                url=value("github.url", GITHUB_URL), token=self._secret_state("github.token", said)
            ),
            fixed=[name for name in OF_START if self._is_fixed(name)],
        )

    def _secret_state(self, name: str, said: Mapping[str, SettingRow]) -> SecretState:
        row = said.get(name)
        if row is None or row.secret is None:
            return SecretState(is_set=False, readable=False, changed=None)
        return SecretState(
            is_set=True, readable=self._unseal(name, row.secret) is not None, changed=to_datetime(row.changed)
        )

    def secret(self, name: str) -> str | None:
        """
        Return a secret, to be used at once; None where there is none that can be read.

        Args:
            name: Of the setting.
        """
        row = self._said.get(name)
        return None if row is None or row.secret is None else self._unseal(name, row.secret)

    def _unseal(self, name: str, sealed: bytes) -> str | None:
        try:
            return self._vault.unseal(name, sealed)
        except SecretUnreadable:
            return None

    async def change(
        self, patch: SettingsPatch, visitor: Visitor, *, expected: Expected = None
    ) -> CollectorSettings:
        """
        Change settings; what is null is taken back.

        Args:
            patch: What changes.
            visitor: Who does it.
            expected: Versions that may be changed.

        Raises:
            Conflict: The collector was started with it.
            UrlRefused: The collector may not call this address.
            StaleVersion: It is none of the versions expected.
        """
        changes = dict(_flat(patch))
        self._check(changes)
        sealed = await asyncio.to_thread(self._seal, changes)
        now = time.time_ns()
        shown = {name: "…" if name in SECRETS and value else value for name, value in changes.items()}

        def job(connection: sqlite3.Connection) -> tuple[Mapping[str, SettingRow], int]:
            check_version(self._describe(preferences.read_settings(connection)), expected)
            for name, value in changes.items():
                if value is None:
                    preferences.forget_setting(connection, name)
                else:
                    preferences.write_setting(connection, name, value, sealed.get(name), now)
            audit.note(connection, visitor, now, "settings.change", ", ".join(sorted(changes)), **shown)
            self._changes += 1
            return preferences.read_settings(connection), self._changes

        said, number = await self._engine.write(job, urgent=True)
        if number > self._taken:
            self._taken = number
            self._take(said)
        return self.read()

    def _check(self, changes: Mapping[str, Any]) -> None:
        for name, value in changes.items():
            if self._is_fixed(name):
                raise Conflict(
                    f"{name} is what the collector was started with; change it there: "
                    f"PYLOGTAP_COLLECTOR_{OF_START[name].upper()}."
                )
            if name in URLS and value is not None:
                check_url(value, self._allowed)

    def _seal(self, changes: Mapping[str, Any]) -> dict[str, bytes]:
        return {
            name: self._vault.seal(name, changes[name]) for name in SECRETS if changes.get(name) is not None
        }


def _flat(patch: SettingsPatch) -> Any:
    """Yield name and value of each member that was sent."""
    for group in sorted(patch.model_fields_set):
        inner: BaseModel = getattr(patch, group)
        for name in sorted(inner.model_fields_set):
            yield f"{group}.{name}", getattr(inner, name)
