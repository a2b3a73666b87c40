"""Who may come in: `user`, `member`, `key`, `session`. Times are ns since the epoch."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from pylogtap_collector.access.roster import KeyRow, MemberRow, Roster, SessionRow, UserRow
from pylogtap_collector.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.access.tokens import NewToken
    from pylogtap_collector.models import KeyRole, Role

_USER = "id, name, password, admin, disabled, created, last_sign_in"
_KEY = "id, name, prefix, digest, project, role, created, created_by, expires, revoked"
_SESSION = "id, digest, user, created, expires, address, agent"


def read_roster(connection: sqlite3.Connection) -> Roster:
    """Return everybody who may come in, as it is now."""
    users = connection.execute(f"SELECT {_USER} FROM user ORDER BY id")
    return Roster(
        [
            UserRow(number, name, password, bool(admin), bool(disabled), created, last)
            for number, name, password, admin, disabled, created, last in users
        ],
        [MemberRow(*row) for row in connection.execute("SELECT project, user, role, since FROM member")],
        [KeyRow(*row) for row in connection.execute(f"SELECT {_KEY} FROM key")],
        [SessionRow(*row) for row in connection.execute(f"SELECT {_SESSION} FROM session")],
    )


def read_uses(connection: sqlite3.Connection) -> tuple[dict[int, int], dict[int, int]]:
    """Return when keys and sessions were used last, by their numbers."""
    keys = connection.execute("SELECT id, last_used FROM key WHERE last_used IS NOT NULL")
    return dict(keys.fetchall()), dict(connection.execute("SELECT id, last_seen FROM session").fetchall())


def write_uses(connection: sqlite3.Connection, keys: Mapping[int, int], sessions: Mapping[int, int]) -> None:
    """
    Remember when keys and sessions were used last.

    Args:
        connection: In a transaction.
        keys: Times of keys by their numbers.
        sessions: Times of sessions.
    """
    connection.executemany(
        "UPDATE key SET last_used = ? WHERE id = ?", [(at, number) for number, at in keys.items()]
    )
    connection.executemany(
        "UPDATE session SET last_seen = ? WHERE id = ?", [(at, number) for number, at in sessions.items()]
    )


def forget_sessions(connection: sqlite3.Connection, now_ns: int, idle_ns: int) -> None:
    """
    Remove sessions that have ended by themselves.

    Args:
        connection: In a transaction.
        now_ns: The time.
        idle_ns: How long one may go unused.
    """
    connection.execute("DELETE FROM session WHERE expires <= ? OR last_seen <= ?", (now_ns, now_ns - idle_ns))


def insert_user(connection: sqlite3.Connection, name: str, password: str, *, admin: bool, now_ns: int) -> int:
    """
    Add a user, and return his number.

    Args:
        connection: In a transaction.
        name: What he signs in with.
        password: Its hash.
        admin: Whether he administers the collector.
        now_ns: The time.

    Raises:
        Conflict: There is one of this name.
    """
    try:
        cursor = connection.execute(
            "INSERT INTO user (name, password, admin, disabled, created) VALUES (?, ?, ?, 0, ?)",
            (name, password, admin, now_ns),
        )
    except sqlite3.IntegrityError as error:
        raise Conflict(f"There is a user {name} already.") from error
    return cursor.lastrowid or 0


def update_user(connection: sqlite3.Connection, user: int, **changes: Any) -> None:
    """
    Change columns of a user.

    Args:
        connection: In a transaction.
        user: His number; he is there.
        changes: New values by column.

    Raises:
        Conflict: There is another one of that name.
    """
    if not changes:
        return
    columns = ", ".join(f"{name} = ?" for name in changes)
    try:
        connection.execute(f"UPDATE user SET {columns} WHERE id = ?", (*changes.values(), user))
    except sqlite3.IntegrityError as error:
        raise Conflict(f"There is a user {changes.get('name')} already.") from error


def delete_user(connection: sqlite3.Connection, user: int) -> None:
    """
    Remove a user with his memberships, sessions and private searches.

    Args:
        connection: In a transaction.
        user: His number.
    """
    for table, column in (("member", "user"), ("session", "user"), ("user", "id")):
        connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (user,))
    connection.execute("DELETE FROM saved_search WHERE owner = ? AND project IS NULL", (user,))
    connection.execute("UPDATE saved_search SET owner = NULL WHERE owner = ?", (user,))


def count_admins(connection: sqlite3.Connection) -> int:
    """Return how many users administer the collector and can sign in."""
    row = connection.execute("SELECT count(*) FROM user WHERE admin AND NOT disabled").fetchone()
    return int(row[0])


def insert_member(connection: sqlite3.Connection, project: str, user: int, role: Role, now_ns: int) -> None:
    """
    Give a user a role in a project.

    Args:
        connection: In a transaction.
        project: Its name; it is there.
        user: His number.
        role: The role.
        now_ns: The time.

    Raises:
        Conflict: He has one already.
    """
    try:
        connection.execute("INSERT INTO member VALUES (?, ?, ?, ?)", (project, user, role, now_ns))
    except sqlite3.IntegrityError as error:
        raise Conflict("This user is a member already; change his role instead.") from error


def update_member(connection: sqlite3.Connection, project: str, user: int, role: Role) -> None:
    """
    Change a member's role.

    Args:
        connection: In a transaction.
        project: Its name.
        user: His number.
        role: The role.
    """
    connection.execute("UPDATE member SET role = ? WHERE project = ? AND user = ?", (role, project, user))


def delete_member(connection: sqlite3.Connection, project: str, user: int) -> None:
    """
    Take a user's role in a project away.

    Args:
        connection: In a transaction.
        project: Its name.
        user: His number.
    """
    connection.execute("DELETE FROM member WHERE project = ? AND user = ?", (project, user))


def insert_key(
    connection: sqlite3.Connection,
    token: NewToken,
    *,
    name: str,
    project: str | None,
    role: KeyRole,
    created_by: str,
    expires: int | None,
    now_ns: int,
) -> int:
    """
    Add a key, and return its number.

    Args:
        connection: In a transaction.
        token: The key; its text is not kept.
        name: What it is for.
        project: The one project it is good for; None: all.
        role: What it may do.
        created_by: Who made it.
        expires: When it ends.
        now_ns: The time.
    """
    cursor = connection.execute(
        "INSERT INTO key (name, prefix, digest, project, role, created, created_by, expires)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (name, token.prefix, token.digest, project, role, now_ns, created_by, expires),
    )
    return cursor.lastrowid or 0


def get_key(connection: sqlite3.Connection, key: int) -> tuple[KeyRow, int | None]:
    """
    Return a key, and when it was used last.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(f"SELECT {_KEY}, last_used FROM key WHERE id = ?", (key,)).fetchone()
    if row is None:
        raise NotFound(f"There is no key {key}.")
    return KeyRow(*row[:-1]), row[-1]


def update_key(connection: sqlite3.Connection, key: int, **changes: Any) -> None:
    """
    Change columns of a key.

    Args:
        connection: In a transaction.
        key: Its number.
        changes: New values by column.
    """
    if changes:
        columns = ", ".join(f"{name} = ?" for name in changes)
        connection.execute(f"UPDATE key SET {columns} WHERE id = ?", (*changes.values(), key))


def delete_key(connection: sqlite3.Connection, key: int) -> None:
    """Remove a key."""
    connection.execute("DELETE FROM key WHERE id = ?", (key,))


def insert_session(
    connection: sqlite3.Connection,
    digest: bytes,
    user: int,
    *,
    expires: int,
    address: str,
    agent: str,
    now_ns: int,
) -> int:
    """
    Add a session, and return its number.

    Args:
        connection: In a transaction.
        digest: Of its token.
        user: Whose it is.
        expires: When it ends.
        address: Where it was opened from.
        agent: The program, as it calls itself.
        now_ns: The time.
    """
    cursor = connection.execute(
        "INSERT INTO session (digest, user, created, expires, address, agent, last_seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (digest, user, now_ns, expires, address, agent, now_ns),
    )
    return cursor.lastrowid or 0


def delete_sessions(connection: sqlite3.Connection, user: int, but: int | None = None) -> int:
    """
    End a user's sessions, and return how many those were.

    Args:
        connection: In a transaction.
        user: Whose.
        but: One that goes on.
    """
    return connection.execute("DELETE FROM session WHERE user = ? AND id IS NOT ?", (user, but)).rowcount


def delete_session(connection: sqlite3.Connection, session: int) -> None:
    """End one session."""
    connection.execute("DELETE FROM session WHERE id = ?", (session,))


def forget_project(connection: sqlite3.Connection, project: str) -> None:
    """
    Remove what hangs on a project: members, keys, saved searches and how long its records are kept.

    Args:
        connection: In a transaction.
        project: Its name.
    """
    for table in ("member", "key", "saved_search", "retention"):
        connection.execute(f"DELETE FROM {table} WHERE project = ?", (project,))
