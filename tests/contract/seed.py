"""What a collector is given before it is tried: records, metrics, searches, users, members and keys."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from tests.support.shop import deliver, shop_segments

KEY = "the-key-of-the-environment"
PASSWORD = "correct horse battery"
PROJECT, OTHER = "shop", "orchard"
KEY_ROLES = ("ingest", "read", "admin")
USERS = {"root": None, "paul": "admin", "eve": "editor", "vic": "viewer"}  # and their roles in the project
_GOOD = range(200, 300)


@dataclass(frozen=True)
class Reply:
    """
    What came back.

    Attributes:
        status: Of HTTP.
        json: The document; None where there is none.
        cookie: Name and value of the cookie that was set.
    """

    status: int
    json: Any
    cookie: str = ""

    def has(self, name: str) -> bool:
        """Tell whether it is a list in which something has a name."""
        return self.status in _GOOD and any(each["name"] == name for each in self.json["items"])


@dataclass
class Seeds:
    """
    What was put in, as far as somebody needs it later.

    Attributes:
        cookies: Of sessions, by the user's name.
        keys: Secrets, by role; `all-` in front: of keys for all projects; `other-`: for the other project.
        rights: Of whoever was seen, by what he showed.
    """

    cookies: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    rights: dict[str, Any] = field(default_factory=dict)


def send(
    url: str, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
) -> Reply:
    """
    Send a request, and read the answer.

    Args:
        url: The collector's address.
        method: Of HTTP.
        path: Of the operation.
        body: A document.
        headers: Further ones.
    """
    request = urllib.request.Request(
        url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        text = answer.read()
        cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
        return Reply(answer.status, json.loads(text) if text else None, cookie)


def plant(url: str, *, guarded: bool, elsewhere: str) -> Seeds:
    """
    Fill a collector that is empty.

    Args:
        url: Its address.
        guarded: Whether it has the key of the environment, and gets users and keys.
        elsewhere: An address that it may call.
    """
    root = {"Authorization": f"Bearer {KEY}"} if guarded else {}

    def make(path: str, body: Any) -> Any:
        reply = send(url, "POST", f"/api/v1{path}", body, headers=root)
        assert reply.status in _GOOD, reply
        return reply.json

    for segment in shop_segments():
        deliver(url, segment, KEY if guarded else None)
    make("/projects", {"name": OTHER, "description": "Nothing grows here yet."})
    for project in (PROJECT, OTHER):
        sample = {"project": project, "service": "checkout", "name": "http.requests", "value": 12.5}
        make("/metrics", {"samples": [{**sample, "unit": "ms", "labels": {"method": "GET"}}]})
        case = {"node": "tests/test_cart.py::test_total", "outcome": "failed", "duration_s": 0.5}
        make("/tests/runs", {"project": project, "service": "checkout", "cases": [case]})
        make("/saved-searches", {"name": f"slow in {project}", "query": "slow", "project": project})
    make("/forwards", {"name": "elsewhere", "url": f"{elsewhere}/v1/logs", "enabled": False})
    return _give_access(url, make) if guarded else Seeds()


def _give_access(url: str, make: Any) -> Seeds:
    seeds = Seeds()
    for name, role in USERS.items():
        make("/users", {"name": name, "password": PASSWORD, "admin": role is None})
        if role is not None:
            make(f"/projects/{PROJECT}/members", {"user": name, "role": role})
        seeds.cookies[name] = send(url, "POST", "/api/v1/sessions", _who(name)).cookie
    for role in KEY_ROLES:
        for prefix, project in (("", PROJECT), ("all-", None), ("other-", OTHER)):
            made = make("/keys", {"name": f"{prefix}{role}", "role": role, "project": project})
            seeds.keys[f"{prefix}{role}"] = made["secret"]
    return seeds


def _who(name: str) -> dict[str, str]:
    return {"name": name, "password": PASSWORD}
