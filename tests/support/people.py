"""Several people and programs, with rights of their own, before one collector."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.support.api import Caller, Reply, calling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = "the key of the environment"
PASSWORD = "correct horse battery"


class Person:
    """Sends requests as somebody."""

    def __init__(self, call: Caller, headers: dict[str, str]) -> None:
        """
        Bind who he is.

        Args:
            call: Sends.
            headers: Show who he is.
        """
        self.call = call
        self.headers = headers

    async def __call__(self, method: str, path: str, **options: Any) -> Reply:
        """
        Send a request and read the answer.

        Args:
            method: Of HTTP.
            path: Below the address.
            options: Of aiohttp.
        """
        headers = self.headers | options.pop("headers", {})
        return await self.call(method, path, headers=headers, **options)


class Guarded:
    """
    A collector where everybody has to show who he is.

    Attributes:
        call: Sends requests as nobody.
        root: May do everything.
    """

    def __init__(self, call: Caller) -> None:
        """
        Bind the collector.

        Args:
            call: Sends.
        """
        self.call = call
        self.root = Person(call, {"Authorization": f"Bearer {ROOT}"})

    async def project(self, name: str) -> None:
        """Make a project."""
        assert (await self.root("POST", "/api/v1/projects", json={"name": name})).status == 201

    async def key(self, role: str, project: str | None = None) -> Person:
        """Make a key."""
        made = await self.root(
            "POST", "/api/v1/keys", json={"name": f"{role} key", "role": role, "project": project}
        )
        assert made.status == 201
        return Person(self.call, {"Authorization": f"Bearer {made.json['secret']}"})

    async def user(self, name: str, **roles: str) -> Person:
        """
        Make a user, and sign in.

        Args:
            name: His name.
            roles: By project.
        """
        made = await self.root("POST", "/api/v1/users", json={"name": name, "password": PASSWORD})
        assert made.status == 201
        for project, role in roles.items():
            path = f"/api/v1/projects/{project}/members"
            assert (await self.root("POST", path, json={"user": name, "role": role})).status == 201
        opened = await self.call("POST", "/api/v1/sessions", json={"name": name, "password": PASSWORD})
        assert opened.status == 201
        cookie = opened.headers["Set-Cookie"].partition(";")[0]
        return Person(self.call, {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})


@asynccontextmanager
async def guarded() -> AsyncIterator[Guarded]:
    """Run a collector that has a key, and yield how to come in."""
    async with calling(key=ROOT) as call:
        yield Guarded(call)
