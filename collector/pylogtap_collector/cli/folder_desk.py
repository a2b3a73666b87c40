"""Users and keys of a database that no collector uses."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Any, TypeVar

from pylogtap.cli.errors import Failed
from pylogtap_collector.access.rights import OF_SERVER
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.cli.api_desk import NEW_PROJECT
from pylogtap_collector.errors import NotFound
from pylogtap_collector.models import KeyPatch, MemberIn, MemberPatch

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from pylogtap.cli.listing import Item
    from pylogtap_collector.models import KeyIn, PasswordChange, Role, UserIn, UserPatch
    from pylogtap_collector.models.base import Model
    from pylogtap_collector.services import Services

T = TypeVar("T")
_LIMIT = 2**31  # all that there are


class FolderDesk:
    """
    Does what :class:`ApiDesk` asks a collector for. What cannot be done is raised as `CollectorError`.

    Attributes:
        is_new: Whether there is no account yet.
        is_open: Whether nobody has to show who he is; nobody can come in here.
    """

    def __init__(self, runner: asyncio.Runner, services: Services) -> None:
        """
        Bind what it needs.

        Args:
            runner: Runs the services.
            services: Of a collector that does not listen.
        """
        self._runner, self._services = runner, services
        self._visitor = _whoever_types()
        self.is_open = False
        self.is_new = not services.directory.describe(self._visitor).accounts

    def users(self, name: str | None = None) -> list[Item]:
        """Return the users whose names hold a text; None: all."""
        return [_shown(each) for each in self._services.users.page(name=name, limit=_LIMIT).items]

    def add_user(self, new: UserIn) -> None:
        """Make a user."""
        self._do(self._services.users.add(new, self._visitor))

    def change_user(self, number: int, patch: UserPatch) -> Item:
        """Change a user, and return him."""
        return _shown(self._do(self._services.users.change(number, patch, self._visitor)))

    def set_password(self, number: int, change: PasswordChange) -> None:
        """Give a user another password."""
        self._do(self._services.users.change_password(number, change, self._visitor))

    def remove_user(self, number: int) -> None:
        """Remove a user."""
        self._do(self._services.users.delete(number, self._visitor))

    def sign_out(self, number: int) -> int:
        """End all sessions of a user, and return how many."""
        return self._do(self._services.sessions.close_all(self._visitor, user=number)).ended

    def check_project(self, project: str) -> None:
        """Make sure that there is a project."""
        try:
            self._do(self._services.catalog.project(project))
        except NotFound as error:
            raise Failed(error.detail, remedies=NEW_PROJECT) from error

    def grant(self, project: str, name: str, role: Role) -> None:
        """Give a user a role in a project, whether he has one or not."""
        members = self._services.members
        try:
            self._do(members.change(project, name, MemberPatch(role=role), self._visitor))
        except NotFound:
            self._do(members.add(project, MemberIn(user=name, role=role), self._visitor))

    def members(self, project: str) -> list[Item]:
        """Return who has a role in a project."""
        self.check_project(project)
        return [_shown(each) for each in self._services.members.page(project, limit=_LIMIT).items]

    def withdraw(self, project: str, name: str) -> None:
        """Take a user's role in a project away."""
        self._do(self._services.members.remove(project, name, self._visitor))

    def keys(self, project: str | None) -> list[Item]:
        """Return the keys of a project; None: all keys."""
        page = self._services.keys.page(self._visitor, project=project, limit=_LIMIT)
        return [_shown(each) for each in page.items]

    def add_key(self, new: KeyIn) -> Item:
        """Make a key, and return it with its secret."""
        return _shown(self._do(self._services.keys.create(new, self._visitor)))

    def revoke_key(self, number: int) -> None:
        """End a key."""
        self._do(self._services.keys.change(number, KeyPatch(revoked=True), self._visitor))

    def remove_key(self, number: int) -> None:
        """End a key, and list it no more."""
        self._do(self._services.keys.delete(number, self._visitor))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


def _shown(model: Model) -> Item:
    return model.model_dump(mode="json")


def _whoever_types() -> Visitor:
    """Return who we are for the audit log; whoever can write to the folder may do everything."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in containers
        name = f"user {os.getuid()}"
    return Visitor("local", f"{name}@command line", everywhere=OF_SERVER)
