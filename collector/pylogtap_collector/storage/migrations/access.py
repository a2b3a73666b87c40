"""The steps of who may do what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylogtap_collector.storage.migrations.steps import migrations

if TYPE_CHECKING:
    from sqlite_utils import Database


@migrations(name="0007_access")
def _access(db: Database) -> None:
    # AUTOINCREMENT, which sqlite-utils does not offer: a number must never name something else later.
    db.execute(
        """
        CREATE TABLE user (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL COLLATE NOCASE UNIQUE,
            password TEXT NOT NULL,
            admin INTEGER NOT NULL,
            disabled INTEGER NOT NULL,
            created INTEGER NOT NULL,
            last_sign_in INTEGER
        ) STRICT
        """
    )
    db.table("member").create(
        {"project": str, "user": int, "role": str, "since": int},
        pk=("project", "user"),
        not_null={"role", "since"},
        strict=True,
    )
    db.execute(
        """
        CREATE TABLE key (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            prefix TEXT NOT NULL UNIQUE,
            digest BLOB NOT NULL,
            project TEXT,
            role TEXT NOT NULL,
            created INTEGER NOT NULL,
            created_by TEXT NOT NULL,
            expires INTEGER,
            revoked INTEGER,
            last_used INTEGER
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE session (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            digest BLOB NOT NULL UNIQUE,
            user INTEGER NOT NULL,
            created INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            address TEXT NOT NULL,
            agent TEXT NOT NULL,
            last_seen INTEGER NOT NULL
        ) STRICT
        """
    )
    db.execute(
        """
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            time INTEGER NOT NULL,
            actor_kind TEXT NOT NULL,
            actor TEXT NOT NULL,
            address TEXT NOT NULL,
            action TEXT NOT NULL,
            project TEXT,
            target TEXT NOT NULL,
            detail TEXT NOT NULL
        ) STRICT
        """
    )
    db.table("audit").create_index(["project", "id"])
    for what in ("UPDATE", "DELETE"):  # it only grows, whoever writes
        db.execute(
            f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
        )
    db.table("stream").add_column("projects", str)  # JSON array of those that it has places of
