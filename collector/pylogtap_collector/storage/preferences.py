"""Settings that are changed while the collector runs: `setting`. Times are ns since the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    import sqlite3


class SettingRow(NamedTuple):
    """
    A row of `setting`.

    Attributes:
        value: What was said; of a secret nothing.
        secret: The secret, encrypted.
        changed: When.
    """

    value: Any
    secret: bytes | None
    changed: int


def read_settings(connection: sqlite3.Connection) -> dict[str, SettingRow]:
    """Return what was said, by name."""
    rows = connection.execute("SELECT name, value, secret, changed FROM setting")
    return {
        name: SettingRow(None if value is None else msgspec.json.decode(value), secret, changed)
        for name, value, secret, changed in rows
    }


def write_setting(
    connection: sqlite3.Connection, name: str, value: Any, secret: bytes | None, now_ns: int
) -> None:
    """
    Say something.

    Args:
        connection: In a transaction.
        name: Of the setting.
        value: What, in JSON's types.
        secret: Instead of the value, a secret, encrypted.
        now_ns: The time.
    """
    connection.execute(
        "INSERT OR REPLACE INTO setting (name, value, secret, changed) VALUES (?, ?, ?, ?)",
        (name, None if secret is not None else msgspec.json.encode(value).decode(), secret, now_ns),
    )


def forget_setting(connection: sqlite3.Connection, name: str) -> None:
    """Take back what was said."""
    connection.execute("DELETE FROM setting WHERE name = ?", (name,))
