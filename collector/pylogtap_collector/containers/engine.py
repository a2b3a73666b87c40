"""
The container engine: the official SDK for what is asked now and then, aiohttp for what streams.

The SDK blocks, so it is called in threads; it negotiates the version of the API. Its streams can't be
cancelled from outside, and its times are floats, which lose the last digits: events, logs and stats are read
from the socket itself (source: Docker Engine API, https://docs.docker.com/reference/api/engine/).
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from pylogtap_collector.containers.knocking import what_is_wrong, what_keeps_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import docker

_ANSWER_S = 10.0
_UNREACHABLE = (aiohttp.ClientError, TimeoutError, OSError)  # the last is what the SDK's requests raises


class EngineUnreachable(Exception):
    """The engine does not answer, or hung up; it is tried again."""


class EngineRefusal(Exception):
    """
    The engine answers that it cannot do this.

    Attributes:
        status: Of HTTP: 404 for a container that is gone, 409 for one that is about to go, 501 for a log
            that cannot be read.
    """

    def __init__(self, status: int, text: str) -> None:
        """
        Say what it said.

        Args:
            status: Of HTTP.
            text: Why.
        """
        super().__init__(text)
        self.status = status


class Engine:
    """
    An engine at an address.

    Attributes:
        address: That, `unix:///…` or `tcp://…`.
        version: What `/version` said at the last :meth:`connect`.
    """

    def __init__(self, address: str) -> None:
        """
        Name it; :meth:`connect` reaches it.

        Args:
            address: Its address.
        """
        self.address = address
        self.version: Mapping[str, Any] = {}
        self._sdk: docker.APIClient | None = None
        self._session: aiohttp.ClientSession | None = None
        self._base = ""
        self._open: set[aiohttp.ClientResponse] = set()

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, whose answers differ in places."""
        components = self.version.get("Components") or ()
        return any("podman" in str(part.get("Name", "")).lower() for part in components)

    async def connect(self) -> None:
        """
        Reach it, and agree on the version of its API.

        Raises:
            EngineUnreachable: It does not answer.
        """
        await self.close()
        if reason := await what_keeps_out(self.address):  # the SDK would leave its socket open
            raise EngineUnreachable(reason)
        try:
            await self._agree(*self._open_session())
        except (EngineUnreachable, EngineRefusal):
            await self.close()
            raise

    async def _agree(self, session: aiohttp.ClientSession, host: str) -> None:
        if reason := await what_is_wrong(session, f"http://{host}", self.address):
            raise EngineUnreachable(reason)
        with _translated():
            sdk = await asyncio.to_thread(_sdk, self.address)
            self._sdk = sdk
            self.version = await asyncio.to_thread(sdk.version)
        self._base = f"http://{host}/v{sdk.api_version}"

    def _open_session(self) -> tuple[aiohttp.ClientSession, str]:
        parts = urlsplit(self.address)
        connector: aiohttp.BaseConnector
        if parts.scheme == "unix":
            connector, host = aiohttp.UnixConnector(parts.path, limit=0), "engine"
        else:
            connector, host = aiohttp.TCPConnector(limit=0), parts.netloc
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_ANSWER_S)
        session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True)
        self._session = session
        return session, host

    async def close(self) -> None:
        """Hang up, which those who read an answer are told. Does nothing where it was not reached."""
        for answer in self._open:  # aiohttp would let them wait for ever
            answer.content.set_exception(aiohttp.ClientConnectionError("hung up"))
        session, self._session = self._session, None
        sdk, self._sdk = self._sdk, None
        if session is not None:
            await session.close()
        if sdk is not None:
            with suppress(*_UNREACHABLE):
                await asyncio.to_thread(sdk.close)

    async def containers(self) -> list[dict[str, Any]]:
        """
        List all containers, running or not, as `GET /containers/json` has them.

        Raises:
            EngineUnreachable: It does not answer.
        """
        with _translated():
            found: list[dict[str, Any]] = await asyncio.to_thread(self._connected().containers, all=True)
        return found

    async def inspect(self, container_id: str) -> dict[str, Any]:
        """
        Return all that the engine knows of a container.

        Args:
            container_id: Of the container.

        Raises:
            EngineUnreachable: It does not answer.
            EngineRefusal: There is no such container.
        """
        with _translated():
            found: dict[str, Any] = await asyncio.to_thread(self._connected().inspect_container, container_id)
        return found

    @asynccontextmanager
    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, idle_s: float | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """
        Open an answer that is read as it comes: events, logs, stats.

        What goes wrong while it is read is raised as :class:`EngineUnreachable`, too.

        Args:
            path: Behind the version, such as `/events`.
            params: The query string.
            idle_s: After how long without a byte to give up; None: never.

        Raises:
            EngineUnreachable: It does not answer, or hung up.
            EngineRefusal: It cannot do this.
        """
        if self._session is None:
            raise EngineUnreachable("not connected")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_ANSWER_S, sock_read=idle_s)
        with _translated():
            async with self._session.get(self._base + path, params=params, timeout=timeout) as answer:
                if answer.status >= 400:
                    raise EngineRefusal(answer.status, _reason(await answer.text()))
                self._open.add(answer)
                try:
                    yield answer
                finally:
                    self._open.discard(answer)

    def _connected(self) -> docker.APIClient:
        if self._sdk is None:
            raise EngineUnreachable("not connected")
        return self._sdk


def _sdk(address: str) -> docker.APIClient:
    import docker  # noqa: PLC0415 - not while the collector starts, which it would hold up

    return docker.APIClient(address, timeout=int(_ANSWER_S))


def _reason(text: str) -> str:
    """Return what an answer says is wrong: mostly a JSON object with a message."""
    with suppress(ValueError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    return text.strip()[:300]


class _translated:  # noqa: N801 - is used as a function is
    """Turns what three libraries raise into the two errors of this module."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """
        Translate.

        Raises:
            EngineRefusal: The engine has answered so.
            EngineUnreachable: It has not answered.
        """
        if error is None:
            return
        from docker.errors import APIError, DockerException  # noqa: PLC0415 - as above

        if isinstance(error, APIError) and error.response is not None:
            raise EngineRefusal(error.response.status_code, str(error.explanation or error)) from error
        if isinstance(error, (*_UNREACHABLE, DockerException, ValueError)):  # half an answer is no JSON
            raise EngineUnreachable(f"{type(error).__name__}: {error}") from error
