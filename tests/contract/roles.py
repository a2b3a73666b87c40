"""As whom the API is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.seed import KEY, USERS

if TYPE_CHECKING:
    from tests.contract.ground import Ground

LOCAL, NOBODY, SERVER_KEY, PEERS = "local", "nobody", "server-key", "peers"
_USERS = {f"user-{role or 'root'}": name for name, role in USERS.items()}
_KEYS = {
    f"key-{scope}{role}": f"{scope}{role}" for scope in ("", "all-") for role in ("ingest", "read", "admin")
}
ROLES = (LOCAL, NOBODY, *_USERS, *_KEYS, SERVER_KEY, PEERS)
WIDE = ("user-root",)  # may do everything, as others may: it is tried longer than they
# May do what another may, there or elsewhere, or next to nothing: only the long form tries them.
ALIKE = (
    NOBODY, "key-ingest", "user-admin", "user-editor", "key-read", "key-admin",
    "key-all-ingest", "key-all-read", "key-all-admin", SERVER_KEY,
)  # fmt: skip


def headers_of(role: str, ground: Ground) -> dict[str, str]:
    """
    Return what a role shows.

    Args:
        role: One of `ROLES`.
        ground: Knows its cookies and keys.
    """
    if role in {LOCAL, NOBODY, PEERS}:
        return {}
    if role in _USERS:
        # A browser says which page changes something; nobody else may show a cookie with it.
        return {"Cookie": ground.seeds.cookies[_USERS[role]], "Origin": ground.url}
    key = KEY if role == SERVER_KEY else ground.seeds.keys[_KEYS[role]]
    return {"Authorization": f"Bearer {key}"}


def headers_of_peers(ground: Ground) -> list[dict[str, str]]:
    """
    Return what two show who administer a project each, and must not see what is the other's.

    Args:
        ground: Knows their keys.
    """
    return [{"Authorization": f"Bearer {ground.seeds.keys[name]}"} for name in ("admin", "other-admin")]
