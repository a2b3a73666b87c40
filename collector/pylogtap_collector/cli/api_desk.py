"""Users and keys of a collector that runs, by its API."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pylogtap.cli.api import Refused
from pylogtap.cli.errors import Failed

if TYPE_CHECKING:
    from pylogtap.cli.api import Api
    from pylogtap.cli.listing import Item
    from pylogtap_collector.models import KeyIn, PasswordChange, Role, SetUp, UserIn, UserPatch
    from pylogtap_collector.models.base import Model

USERS = "/api/v1/users"
KEYS = "/api/v1/keys"
NEW_PROJECT = ("a project appears with its first record, or by  POST /api/v1/projects",)


class ApiDesk:
    """
    Asks a collector. Users and keys are as its API shows them; what it refuses is raised as `Refused`.

    Attributes:
        is_new: Whether there is no account yet.
        is_open: Whether nobody on this machine has to show who he is, before there is an account or a key.
        takes_code: Whether we can make the first one by the code that the collector prints, and only so.
        url: The collector's address.
    """

    def __init__(self, api: Api) -> None:
        """
        Ask who we are there.

        Args:
            api: The collector.
        """
        self._api, self.url = api, api.url
        me = api.get("/api/v1/me")
        self.is_new = me.get("accounts") is False
        self.is_open = me.get("kind") == "local"
        self.takes_code = self.is_new and me.get("kind") in {"local", "nobody"}
        self._own = me.get("id") if me.get("kind") == "user" else None

    def set_up(self, given: SetUp) -> None:
        """Make the first account. The session that comes with it is for browsers, and ends at once."""
        self._api.sign_in("/api/v1/setup", _sent(given)).sign_out()

    def users(self, name: str | None = None) -> list[Item]:
        """Return the users whose names hold a text; None: all."""
        return list(self._api.items(USERS, name=name))

    def add_user(self, new: UserIn) -> None:
        """Make a user."""
        self._api.post(USERS, _sent(new))

    def change_user(self, number: int, patch: UserPatch) -> Item:
        """Change a user, and return him."""
        return self._api.patch(f"{USERS}/{number}", _sent(patch))

    def set_password(self, number: int, change: PasswordChange) -> None:
        """Give a user another password; one's own takes the current one, with which we signed in."""
        if number == self._own and self._api.signed_in is not None:
            change = change.model_copy(update={"current": self._api.signed_in.password})
        self._api.post(f"{USERS}/{number}/password", _sent(change))

    def remove_user(self, number: int) -> None:
        """Remove a user."""
        self._api.delete(f"{USERS}/{number}")

    def sign_out(self, number: int) -> int:
        """End all sessions of a user, and return how many."""
        return int(self._api.delete("/api/v1/sessions", user=number)["ended"])

    def check_project(self, project: str) -> None:
        """Make sure that there is a project."""
        try:
            self._api.get(_project(project))
        except Refused as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise
            raise Failed(error.message, remedies=NEW_PROJECT) from error

    def grant(self, project: str, name: str, role: Role) -> None:
        """Give a user a role in a project, whether he has one or not."""
        members = f"{_project(project)}/members"
        try:
            self._api.patch(f"{members}/{quote(name, safe='')}", {"role": role})
        except Refused as error:
            if error.status != http.HTTPStatus.NOT_FOUND:
                raise
            self._api.post(members, {"user": name, "role": role})

    def members(self, project: str) -> list[Item]:
        """Return who has a role in a project."""
        return list(self._api.items(f"{_project(project)}/members"))

    def withdraw(self, project: str, name: str) -> None:
        """Take a user's role in a project away."""
        self._api.delete(f"{_project(project)}/members/{quote(name, safe='')}")

    def keys(self, project: str | None) -> list[Item]:
        """Return the keys of a project; None: all keys."""
        return list(self._api.items(KEYS, project=project))

    def add_key(self, new: KeyIn) -> Item:
        """Make a key, and return it with its secret."""
        return self._api.post(KEYS, _sent(new))

    def revoke_key(self, number: int) -> None:
        """End a key."""
        self._api.patch(f"{KEYS}/{number}", {"revoked": True})

    def remove_key(self, number: int) -> None:
        """End a key, and list it no more."""
        self._api.delete(f"{KEYS}/{number}")


def _sent(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_unset=True)


def _project(name: str) -> str:
    return f"/api/v1/projects/{quote(name, safe='')}"
