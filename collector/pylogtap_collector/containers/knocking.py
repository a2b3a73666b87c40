"""Finds an engine, and whether it answers; if not, why, and what to do: in words for people."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")  # where engines of the system listen
SCHEMES = frozenset({"unix", "http", "tcp"})
_PATIENCE_S = 10.0
_ELSEWHERE = "say where one is by --docker, or --docker off"
_WRITABLE_BY_GROUP = 0o020
_ROOT = 0


def find_address(given: str, environment: Mapping[str, str]) -> str | None:
    """
    Return the address of the engine to be followed; None: none is there, or none is wanted.

    Args:
        given: `auto`, `off`, or an address.
        environment: Has `DOCKER_HOST`, maybe.
    """
    if given == "off":
        return None
    if given != "auto":
        return given
    if environment.get("DOCKER_HOST"):
        return environment["DOCKER_HOST"]
    found = (path for path in SOCKETS if Path(path).is_socket())
    return next((f"unix://{path}" for path in found), None)


async def what_keeps_out(address: str) -> str:
    """
    Knock, and return what keeps us out, then a semicolon and what to do; empty: somebody listens.

    Args:
        address: Of an engine.
    """
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES:
        return (
            f"{address} is no address of an engine that can be read; write unix:///PATH or tcp://HOST:PORT "
            "(without TLS: let both be on one machine, or in a tunnel)"
        )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            if parts.scheme == "unix":
                _, writer = await asyncio.open_unix_connection(parts.path)
            else:
                _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            writer.close()
            await writer.wait_closed()
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        place = parts.path if parts.scheme == "unix" else parts.netloc
        return _words(error, place, unix=parts.scheme == "unix")
    return ""


async def what_is_wrong(session: aiohttp.ClientSession, base: str, address: str) -> str:
    """
    Ask who listens, and return what to do where that is no engine; empty: it is one.

    Args:
        session: Reaches it.
        base: URL of its root.
        address: As people write it.
    """
    url = f"{base}/version"
    other = f"give the address of Docker or Podman by --docker, or --docker off; {address} is not one"
    try:
        timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
        async with session.get(url, timeout=timeout, allow_redirects=False) as answer:
            body = await answer.read()
            if b"HTTPS server" in body:  # as Go answers
                return f"{address} wants TLS, which is not spoken here; use a tunnel, or the engine's socket"
            if answer.status >= 500:  # an engine that is just about to start
                return ""
            found: Mapping[str, Any] | None = await answer.json(content_type=None)
    except TimeoutError:
        return (
            f"{address} is connected, but says nothing for {_PATIENCE_S:.0f} s; see whether the engine hangs"
        )
    except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):  # maybe an engine that goes just now
        return f"{address} hung up at once; see whether it is an engine that listens there"
    except (aiohttp.ClientError, ValueError):
        return f"what answers at {address} is no container engine; {other}"
    if isinstance(found, dict) and "ApiVersion" in found:
        return ""
    return f"what answers at {address} is no container engine; {other}"


def _words(error: Exception, place: str, *, unix: bool) -> str:
    match error:
        case PermissionError() if unix:
            return _no_permission(Path(place))
        case FileNotFoundError():
            return f"there is nothing at {place}; start the engine, or {_ELSEWHERE}"
        case ConnectionRefusedError():
            return f"nobody listens at {place}; start the engine, or {_ELSEWHERE}"
        case socket.gaierror():
            return f"the name of {place} is not known; look at its spelling, or {_ELSEWHERE}"
        case TimeoutError():
            return (
                f"{place} does not answer within {_PATIENCE_S:.0f} s; see whether the machine can be reached"
            )
    return f"{place} cannot be reached ({error}); {_ELSEWHERE}"


def _no_permission(path: Path) -> str:
    user = _name_of_user(os.geteuid())
    own = (
        "or run an engine of that user's own, and name it by --docker unix:///run/user/UID/podman/podman.sock"
    )
    try:
        facts = path.stat()
    except OSError:
        return f"user {user} may not enter the folder of {path}; let that user in, {own}"
    if facts.st_gid == _ROOT or not facts.st_mode & _WRITABLE_BY_GROUP:
        return f"user {user} may not use the socket {path}; let the collector run as its owner, {own}"
    group = _name_of_group(facts.st_gid)
    return (
        f"user {user} may not use the socket {path}, which is for the group {group}; "
        f"sudo usermod -aG {group} {user}, then start the collector again from a new session of that user"
    )


def _name_of_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _name_of_group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
