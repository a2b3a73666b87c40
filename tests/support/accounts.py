"""Accounts of a collector in a process of its own, made as people and programs make them: through the API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess

NAME = "ada"
PASSWORD = "correct horse battery"
_CREATED = 201


@dataclass(frozen=True)
class Answered:
    """
    What came back.

    Attributes:
        status: Of HTTP.
        json: The document; None where there is none.
        cookie: Name and value of the cookie that was set.
    """

    status: int
    json: Any
    cookie: str


def ask(
    collector: CollectorProcess,
    method: str,
    path: str,
    body: Any = None,
    *,
    cookie: str = "",
    key: str = "",
) -> Answered:
    """
    Send a request to the API, as our page does.

    Args:
        collector: Runs.
        method: Of HTTP.
        path: Below `/api/v1`.
        body: A document.
        cookie: Of a session.
        key: Shown where it is not empty.
    """
    headers = {"Origin": collector.url, "Content-Type": "application/json"}
    if cookie:
        headers["Cookie"] = cookie
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{collector.url}/api/v1{path}", method=method, data=data, headers=headers
    )
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        set_cookie = answer.headers.get("Set-Cookie", "")
        return Answered(answer.status, json.loads(text) if text else None, set_cookie.partition(";")[0])


def set_up(collector: CollectorProcess) -> str:
    """Make the first account, and return the cookie of its session."""
    made = ask(collector, "POST", "/setup", {"code": collector.code, "name": NAME, "password": PASSWORD})
    assert made.cookie, made
    return made.cookie


def add_user(collector: CollectorProcess, cookie: str, name: str, **roles: str) -> None:
    """
    Make another user, with the same password.

    Args:
        collector: Runs.
        cookie: Of an administrator's session.
        name: The user's.
        roles: His roles by project, which is made where it is not there.
    """
    made = ask(collector, "POST", "/users", {"name": name, "password": PASSWORD}, cookie=cookie)
    assert made.status == _CREATED, made
    for project, role in roles.items():
        ask(collector, "POST", "/projects", {"name": project}, cookie=cookie)
        member = {"user": name, "role": role}
        added = ask(collector, "POST", f"/projects/{project}/members", member, cookie=cookie)
        assert added.status == _CREATED, added
