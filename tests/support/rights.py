"""Everybody who may ask, two projects, and a way to try each operation in either of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.api import Caller, Reply, calling
from tests.support.segments import numbered_segment
from tests.support.shipments import ENVELOPE, one_of_bulk, one_of_otlp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pylogtap_collector.api.routing import Operation

OWN, OTHER = "shop", "zebra"  # what visitors of one project may see, and what they may not know of
PASSWORD = "correct horse battery"  # of users who live for one test
SERVER_KEY = "key of the environment"
VISITORS = (
    "nobody",
    "ingest key", "read key", "admin key",
    "ingest key of all", "read key of all", "admin key of all",
    "viewer", "editor", "admin", "administrator",
)  # fmt: skip
STALE = {"If-Match": '"never"'}  # what may be changed or deleted answers 412, and stays as it is
JSON = {"Content-Type": "application/json"}
SLICE = {"Content-Type": "application/vnd.pylogtap.slice"}


@dataclass
class Target:
    """
    What there is in one project.

    Attributes:
        project: Its name.
        ids: Of things in it, by the name of the parameter.
    """

    project: str
    ids: dict[str, int | str] = field(default_factory=dict)


@dataclass
class World:
    """
    A collector with two projects and everybody.

    Attributes:
        call: Sends requests.
        headers: What each visitor shows.
        targets: The two projects, by name.
    """

    call: Caller
    headers: dict[str, dict[str, str]]
    targets: dict[str, Target]

    async def as_(self, visitor: str, method: str, path: str, **options: Any) -> Reply:
        """Send a request as somebody."""
        headers = {**self.headers[visitor], **options.pop("headers", {})}
        return await self.call(method, path, headers=headers, **options)

    async def attempt(self, operation: Operation, visitor: str, project: str) -> Reply:
        """
        Try an operation as somebody, aimed at a project.

        Whoever may do it changes nothing that another attempt needs.

        Args:
            operation: The operation.
            visitor: One of `VISITORS`.
            project: `OWN` or `OTHER`, or one that is not there.
        """
        target = self.targets.get(project) or Target(project, _unknown(self.targets[OTHER].ids))
        if operation.name == "end_session":  # whoever may do it does it
            target.ids["session_id"] = await self._sign_victim_in()
        path = operation.path
        for name in operation.path_model.model_fields:
            path = path.replace(f"{{{name}}}", str(_path_value(name, target)))
        asked = TRIES[operation.name](target)
        if operation.name == "tail_logs":
            return await self._begin(visitor, path)
        reply = await self.as_(visitor, operation.method, path, **asked)
        if operation.name == "sign_out" and reply.status == 204:
            self.headers[visitor] = await sign_in(self.call, visitor, PASSWORD)
        return reply

    async def _sign_victim_in(self) -> int:
        body = {"name": str(self.targets[OWN].ids["user"]), "password": PASSWORD}
        reply = await self.call("POST", "/api/v1/sessions", json=body)
        assert reply.status == 201, reply.json
        return int(reply.json["id"])

    async def _begin(self, visitor: str, path: str) -> Reply:
        """Open an answer without an end, and hang up once it has begun."""
        async with self.call.session.get(self.call.url + path, headers=self.headers[visitor]) as answer:
            body = b"" if answer.status == 200 else await answer.read()
            return Reply(answer.status, answer.headers.copy(), body)


def _unknown(ids: Mapping[str, int | str]) -> dict[str, int | str]:
    """Return ids of the same kinds of which there is nothing."""
    return {
        name: 987_654 if isinstance(value, int) else "9" * 32 if value.isdigit() else "nobody"
        for name, value in ids.items()
    }


def _path_value(name: str, target: Target) -> int | str:
    fixed: dict[str, int | str] = {
        "project": target.project, "service": "web", "instance": "1",
        "index": "web", "wanted": "logs", "number": 1,
    }  # fmt: skip
    return fixed[name] if name in fixed else target.ids[name]


def _nothing(_: Target) -> dict[str, Any]:
    return {}


def _stale(_: Target) -> dict[str, Any]:
    return {"headers": STALE}


def _patch(body: Mapping[str, Any]) -> Any:
    return lambda _: {"json": body, "headers": STALE}


def _slice(target: Target) -> dict[str, Any]:
    segment = numbered_segment(1, prefix=f"{target.project}/web/1")
    params = {"stream": segment.identity.hex(), "offset": "4096"}
    return {"params": params, "data": segment.slice(), "headers": SLICE}


def _forward(name: str) -> dict[str, Any]:
    return {"name": name, "url": "http://127.0.0.1:11434/v1/logs", "enabled": False}


def _otlp(kind: str) -> Any:
    return lambda target: {"data": one_of_otlp(kind, target.project), "headers": JSON}


def _bulk(target: Target) -> dict[str, Any]:
    return {"data": one_of_bulk(target.project), "headers": {"Content-Type": "application/x-ndjson"}}


def _loki(target: Target) -> dict[str, Any]:
    return {"json": {"streams": [{"stream": {"project": target.project}, "values": [[str(10**18), "x"]]}]}}


def _envelope(_: Target) -> dict[str, Any]:
    return {"data": ENVELOPE, "headers": {"Content-Type": "application/x-sentry-envelope"}}


TRIES: Mapping[str, Any] = {
    # records
    "list_logs": _nothing,
    "count_logs": _nothing,
    "count_logs_over_time": _nothing,
    "count_logs_by_value": _nothing,
    "count_logs_by_pattern": _nothing,
    "read_log": lambda _: {"params": {"context": "5"}},
    "annotate_log": _patch({"note": "x"}),
    "annotate_logs": lambda _: {"params": {"q": "word:that-is-nowhere"}, "json": {"note": "x"}},
    "delete_logs": lambda _: {"params": {"q": "word:that-is-nowhere"}},
    "add_logs": lambda target: {
        "json": {"logs": [{"project": target.project, "service": "web", "message": "by hand"}]}
    },
    "tail_logs": _nothing,
    "export_logs": _nothing,
    "export_incident": _nothing,
    "ingest": _slice,
    # places
    "list_projects": _nothing,
    "create_project": lambda target: {"json": {"name": target.project}},
    "read_project": _nothing,
    "change_project": _patch({"description": "x"}),
    "delete_project": _stale,
    "read_retention": _nothing,
    "change_retention": _patch({}),
    "list_services": _nothing,
    "create_service": lambda _: {"json": {"name": "web"}},
    "read_service": _nothing,
    "change_service": _patch({"description": "x"}),
    "delete_service": _stale,
    "list_instances": _nothing,
    "create_instance": lambda _: {"json": {"name": "1"}},
    "read_instance": _nothing,
    "change_instance": _patch({"description": "x"}),
    "delete_instance": _stale,
    # metrics
    "list_metrics": _nothing,
    "read_latest_metrics": _nothing,
    "add_samples": lambda target: {
        "json": {"samples": [{"project": target.project, "service": "web", "name": "cpu", "value": 1}]}
    },
    "read_metric": _nothing,
    "change_metric": _patch({"unit": "s"}),
    "delete_metric": _stale,
    # test runs
    "list_test_runs": _nothing,
    "create_test_run": lambda target: {"json": {"project": target.project, "service": "web"}},
    "read_test_run": _nothing,
    "change_test_run": _patch({"note": "x"}),
    "delete_test_run": _stale,
    "list_test_cases": _nothing,
    "create_test_case": lambda target: {
        "json": {"run": target.ids["run"], "node": "test_made", "outcome": "passed"}
    },
    "read_test_case": _nothing,
    "change_test_case": _patch({"note": "x"}),
    "delete_test_case": _stale,
    # what is known of tests
    "list_tests": _nothing,
    "list_test_failures": _nothing,
    "read_test_trend": _nothing,
    "read_test_report": _nothing,
    "read_test": _nothing,
    "read_test_history": _nothing,
    "import_test_report": lambda target: {
        "params": {"project": target.project, "service": "web"},
        "data": b'<testsuite><testcase name="a"/></testsuite>',
        "headers": {"Content-Type": "application/xml"},
    },
    # saved searches
    "list_saved_searches": _nothing,
    "create_saved_search": lambda target: {
        "json": {"name": "made", "query": "level:error", "project": target.project}
    },
    "read_saved_search": _nothing,
    "change_saved_search": _patch({"name": "y"}),
    "delete_saved_search": _stale,
    # people
    "read_me": _nothing,
    "set_up": lambda _: {"json": {"code": "x", "name": "mallory", "password": PASSWORD}},
    "sign_in": lambda _: {"json": {"name": "ada", "password": PASSWORD}},
    "list_sessions": _nothing,
    "sign_out_everywhere": lambda target: {"params": {"user": str(target.ids["user_id"])}},
    "sign_out": _nothing,
    "end_session": _nothing,
    "list_users": _nothing,
    "create_user": lambda _: {"json": {"name": "ada", "password": PASSWORD}},
    "read_user": _nothing,
    "change_user": _patch({"disabled": False}),
    "delete_user": _stale,
    "change_password": lambda _: {"json": {"new": PASSWORD}},
    # access
    "list_keys": _nothing,
    "create_key": lambda target: {"json": {"name": "made", "project": target.project, "role": "ingest"}},
    "read_key": _nothing,
    "change_key": _patch({"name": "y"}),
    "delete_key": _stale,
    "list_members": _nothing,
    "add_member": lambda target: {"json": {"user": target.ids["user"], "role": "viewer"}},
    "read_member": _nothing,
    "change_member": _patch({"role": "viewer"}),
    "remove_member": _stale,
    "list_audit": _nothing,
    "read_audit_entry": _nothing,
    "list_containers": _nothing,
    # forwards
    "list_forwards": _nothing,
    "create_forward": lambda _: {"json": _forward("made")},
    "read_forward": _nothing,
    "change_forward": _patch({"name": "y"}),
    "delete_forward": _stale,
    # the collector
    "read_settings": _nothing,
    "change_settings": _patch({}),
    "try_settings": lambda _: {"json": {"service": "ai"}},
    "back_up": _nothing,
    "compact": _nothing,
    "read_liveness": _nothing,
    "read_readiness": _nothing,
    "read_metrics": _nothing,
    # other protocols
    "deliver_otlp_logs": _otlp("logs"),
    "deliver_otlp_logs_below": _otlp("logs"),
    "deliver_otlp_spans": _otlp("spans"),
    "deliver_otlp_spans_below": _otlp("spans"),
    "deliver_otlp_metrics": _otlp("metrics"),
    "deliver_otlp_metrics_below": _otlp("metrics"),
    "push_to_loki": _loki,
    "read_loki_readiness": _nothing,
    "bulk": _bulk,
    "put_bulk": _bulk,
    "bulk_into": _bulk,
    "put_bulk_into": _bulk,
    "bulk_below": _bulk,
    "put_bulk_below": _bulk,
    "bulk_into_below": _bulk,
    "put_bulk_into_below": _bulk,
    "read_elastic": _nothing,
    "read_elastic_root": _nothing,
    "read_elastic_license": _nothing,
    "read_elastic_nodes": _nothing,
    "read_elastic_template": _nothing,
    "read_elastic_policy": _nothing,
    "read_elastic_pipeline": _nothing,
    "ship": lambda target: {"json": {"message": "x", "project": target.project}},
    "deliver_envelope": _envelope,
    "deliver_envelope_of": _envelope,
}


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Run a collector with two projects that have one of everything, and with everybody who may ask."""
    async with calling(key=SERVER_KEY) as call:
        made = World(
            call,
            {"nobody": {}, "server key": {"Authorization": f"Bearer {SERVER_KEY}"}},
            {project: Target(project) for project in (OWN, OTHER)},
        )
        for target in made.targets.values():
            await _fill(made, target)
        await _make_visitors(made)
        yield made


async def _fill(made: World, target: Target) -> None:
    """Put one of everything into a project."""

    async def post(path: str, body: Mapping[str, Any]) -> Any:
        reply = await made.as_("server key", "POST", path, json=body)
        assert reply.status == 201, reply.json
        return reply.json

    project = target.project
    await made.as_("server key", "POST", "/api/v1/ingest", **_slice(target))
    logs = await made.as_("server key", "GET", f"/api/v1/logs?q=project:{project}")
    target.ids["log_id"] = logs.json["items"][0]["id"]
    samples = {"samples": [{"project": project, "service": "web", "name": "cpu", "value": 1}]}
    target.ids["metric_id"] = (await post("/api/v1/metrics", samples))["metrics"][0]
    target.ids["run"], target.ids["case"] = (digit * 32 for digit in ("12" if project == OWN else "34"))
    case = {"id": target.ids["case"], "node": f"test_{project}", "outcome": "failed"}
    run = {"id": target.ids["run"], "project": project, "service": "web", "cases": [case]}
    await post("/api/v1/tests/runs", run)
    tests = await made.as_("server key", "GET", f"/api/v1/tests?project={project}")
    target.ids["test"] = tests.json["items"][0]["id"]
    search = {"name": f"of {project}", "query": "level:error", "project": project}
    target.ids["search_id"] = (await post("/api/v1/saved-searches", search))["id"]
    key = {"name": f"of {project}", "project": project, "role": "read"}
    target.ids["key_id"] = (await post("/api/v1/keys", key))["id"]
    audit = await made.as_("server key", "GET", f"/api/v1/audit?project={project}")
    target.ids["entry_id"] = audit.json["items"][0]["id"]
    user = {"name": f"victim-{project}", "password": PASSWORD}
    target.ids["user_id"] = (await post("/api/v1/users", user))["id"]
    target.ids["user"] = user["name"]
    await post(f"/api/v1/projects/{project}/members", {"user": user["name"], "role": "viewer"})
    target.ids["session_id"] = (await post("/api/v1/sessions", user))["id"]
    target.ids["forward_id"] = (await post("/api/v1/forwards", _forward(f"of {project}")))["id"]


async def _make_visitors(made: World) -> None:
    for role in ("ingest", "read", "admin"):
        for suffix, project in (("", OWN), (" of all", None)):
            body = {"name": f"{role}{suffix}", "project": project, "role": role}
            reply = await made.as_("server key", "POST", "/api/v1/keys", json=body)
            made.headers[f"{role} key{suffix}"] = {"Authorization": f"Bearer {reply.json['secret']}"}
    for role in ("viewer", "editor", "admin", "administrator"):
        user = {"name": role, "password": PASSWORD, "admin": role == "administrator"}
        assert (await made.as_("server key", "POST", "/api/v1/users", json=user)).status == 201
        if role != "administrator":
            member = {"user": role, "role": role}
            path = f"/api/v1/projects/{OWN}/members"
            assert (await made.as_("server key", "POST", path, json=member)).status == 201
        made.headers[role] = await sign_in(made.call, role, PASSWORD)


async def sign_in(call: Caller, name: str, password: str) -> dict[str, str]:
    """
    Sign in, and return the headers that a browser would send from then on.

    Args:
        call: Sends requests.
        name: Of the user.
        password: His.
    """
    reply = await call("POST", "/api/v1/sessions", json={"name": name, "password": password})
    assert reply.status == 201, reply.json
    call.session.cookie_jar.clear()
    cookie = reply.headers["Set-Cookie"].partition(";")[0]
    return {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
