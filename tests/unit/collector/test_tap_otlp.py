"""Records of OTLP become entries with place, level, message, exception and source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pylogtap_collector.taps.otlp import decode_logs
from pylogtap_collector.taps.otlp_requests import LOGS, answer
from pylogtap_collector.wire import Place
from tests.support.shipments import T

HERE = Place("default", "otlp", "127.0.0.1")
RANDOM = "9f3b6f3e-5c0e-4f0b-8a53-2f6a4b1c7d10"  # UUID of version 4
STABLE = "9f3b6f3e-5c0e-5f0b-8a53-2f6a4b1c7d10"  # of version 5


def value_of(value: Any) -> dict[str, Any]:
    """Return a value as OTLP's JSON has it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [value_of(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": value}


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return attributes as OTLP's JSON has them."""
    return [{"key": name, "value": value_of(value)} for name, value in values.items()]


def decoded(
    record: dict[str, Any],
    resource: dict[str, Any] | None = None,
    scope: str = "lib",
    default: Place = HERE,
) -> Any:
    """Return the one entry of a request."""
    scopes = [{"scope": {"name": scope}, "logRecords": [record]}]
    document = {"resourceLogs": [{"resource": {"attributes": pairs(resource or {})}, "scopeLogs": scopes}]}
    (entry,) = decode_logs(json.dumps(document).encode(), default, is_json=True).entries
    return entry


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ({}, HERE),
        ({"service.name": "cart"}, HERE._replace(service="cart")),
        (
            {"service.namespace": "shop", "service.name": "cart", "service.instance.id": "a b"},
            Place("shop", "cart", "a-b"),
        ),
        ({"service.name": "unknown_service:node"}, HERE._replace(service="node")),
        ({"service.name": "unknown_service"}, HERE),
        ({"host.name": "web-1"}, HERE._replace(instance="web-1")),
        ({"host.name": "web-1", "k8s.pod.name": "pod"}, HERE._replace(instance="pod")),
        ({"k8s.namespace.name": "shop"}, HERE._replace(project="shop")),
        ({"host.name": "web-1", "service.instance.id": RANDOM}, HERE._replace(instance="web-1")),
        (
            {"host.name": "web-1", "service.instance.id": RANDOM.replace("-", "")},
            HERE._replace(instance="web-1"),
        ),
        ({"service.instance.id": RANDOM}, HERE._replace(instance=RANDOM)),
        ({"host.name": "web-1", "service.instance.id": STABLE}, HERE._replace(instance=STABLE)),
    ],
)
def test_the_resource_is_the_place(resource: dict[str, Any], place: Place) -> None:
    """Namespace, name and instance of the service are the prefix; what is not said is the default's."""
    assert decoded({"body": {"stringValue": "x"}}, resource).place == place


def test_an_instance_that_is_new_at_each_start_is_no_place() -> None:
    """It stays as an attribute; what a machine is made of says nothing of what happened."""
    resource = {
        "host.name": "web-1", "host.id": "f" * 32, "host.arch": "amd64", "os.type": "linux",
        "os.description": "Debian", "service.instance.id": RANDOM, "deployment.environment": "test",
    }  # fmt: skip
    assert decoded({}, resource).fields == {
        "service.instance.id": RANDOM,
        "resource.deployment.environment": "test",
    }


def test_what_a_resource_says_beyond_its_place_becomes_fields() -> None:
    """Not so what the SDK says of itself, and how the process was started."""
    entry = decoded(
        {},
        {
            "host.name": "web-1",
            "service.instance.id": "one",
            "service.version": "1.2",
            "telemetry.sdk.name": "opentelemetry",
            "process.pid": 17,
            "process.command_args": ["python", "x.py"],
        },
    )
    assert entry.fields == {"resource.host.name": "web-1", "resource.service.version": "1.2"}
    assert entry.pid == 17


@pytest.mark.parametrize(
    ("record", "level", "severity"),
    [
        ({"severityNumber": 9}, "info", 9),
        ({"severityNumber": 13, "severityText": "WARN"}, "warning", 13),
        ({"severityNumber": 18, "severityText": "Alarm"}, "alarm", 18),
        ({"severityNumber": 21}, "critical", 21),
        ({"severityNumber": 2}, "trace", 2),
        ({"severityText": "error"}, "error", 17),
        ({"severityNumber": "SEVERITY_NUMBER_WARN"}, "warning", 13),
        ({"severityNumber": 99}, "info", 9),
        ({}, "info", 9),
    ],
)
def test_the_number_decides_how_bad_it_is(record: dict[str, Any], level: str, severity: int) -> None:
    """The text is kept as the level's name, but for the usual ones, which have one name each."""
    entry = decoded(record)
    assert (entry.level, entry.severity) == (level, severity)


@pytest.mark.parametrize(
    ("record", "time_ns"),
    [
        ({"timeUnixNano": str(T)}, T),
        ({"timeUnixNano": T, "observedTimeUnixNano": T + 1}, T),
        ({"timeUnixNano": 0, "observedTimeUnixNano": T + 1}, T + 1),
        ({"timeUnixNano": str((1 << 64) - 1)}, None),
        ({}, None),
    ],
)
def test_the_time(record: dict[str, Any], time_ns: int | None) -> None:
    """What has none has that at which it was seen; what cannot be stored is no time."""
    assert decoded(record).time_ns == time_ns


@pytest.mark.parametrize(
    ("body", "message", "fields"),
    [
        ("text", "text", {}),
        ({"message": "hello", "n": 1}, "hello", {"n": 1}),
        ({"msg": "hello"}, "hello", {}),
        ({"a": [1, 2.5, True, {"b": "c"}]}, '{"a":[1,2.5,true,{"b":"c"}]}', {}),
        ([1, "a"], '[1,"a"]', {}),
        (7, "7", {}),
    ],
)
def test_a_body_of_any_kind(body: Any, message: str, fields: dict[str, Any]) -> None:
    """The message of a mapping is found; what has none is shown as JSON."""
    entry = decoded({"body": value_of(body)})
    assert (entry.message, entry.fields) == (message, fields)


def test_well_known_attributes_leave_the_fields() -> None:
    """The place in the code, by new names and old ones; the exception; the logger."""
    new = {"code.file.path": "a.py", "code.line.number": 3, "code.function.name": "f"}
    old = {"code.filepath": "a.py", "code.lineno": "3", "code.function": "f"}
    error = {"exception.type": "E", "exception.message": "m", "exception.stacktrace": "s"}
    for attributes in (new, old):
        entry = decoded({"attributes": pairs({**attributes, **error, "own": 1})})
        assert entry.source == ("a.py", 3, "f")
        assert entry.exception == {"type": "E", "message": "m", "stacktrace": "s"}
        assert entry.fields == {"own": 1}
        assert entry.message == "E: m"
    assert decoded({"attributes": pairs({"code.namespace": "shop.cart"})}, scope="").logger == "shop.cart"
    assert decoded({"attributes": pairs({"logger.name": "x"})}).logger == "lib"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("5B8EFFF798038103D269B633813FC60C", "5b8efff798038103d269b633813fc60c"),
        ("0" * 32, None),
        ("5b8e", None),
        ("", None),
        ("no hexadecimal", None),
    ],
)
def test_ids(given: str, found: str | None) -> None:
    """Of another length, or zero: none."""
    assert decoded({"traceId": given}).trace_id == found


def test_an_event_without_a_body() -> None:
    """Its name is what it says."""
    entry = decoded({"eventName": "order.placed", "droppedAttributesCount": 2})
    assert entry.message == "order.placed"
    assert entry.fields == {"event_name": "order.placed", "otel.dropped_attributes_count": 2}


def test_many_bad_records_are_counted_and_a_few_named() -> None:
    """The answer stays short."""
    told = json.loads(answer(LOGS, [f"reason {number}" for number in range(9)], as_json=True))
    assert told["partialSuccess"] == {
        "rejectedLogRecords": "9",
        "errorMessage": "9 records not taken: reason 0; reason 1; reason 2; …",
    }
