"""sentry's SDK delivers errors and logs to a collector by a DSN that names a place."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.integration.taps.test_otlp import post
from tests.support.shippers import only, run_shipper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap_collector.proofs.daemon import CollectorProcess

ENVELOPE = "application/x-sentry-envelope"
EVENT_ID = "9ec79c33ec9942ab8353589fcb2e04dc"
SDK = """
import logging
import sentry_sdk
from sentry_sdk import logger as sentry_log
from sentry_sdk.integrations.logging import LoggingIntegration

sentry_sdk.init(
    dsn=URL.replace("http://", "http://any-key-at-all@") + "/sentry/web/42",
    release="1.2.3", environment="test", server_name="web-1", enable_logs=True, traces_sample_rate=1.0,
    integrations=[LoggingIntegration(sentry_logs_level=logging.WARNING)],
)
sentry_sdk.set_tag("region", "north")
sentry_sdk.set_user({"id": "ada"})
log = logging.getLogger("sentry.shop")
log.setLevel(logging.INFO)
log.info("a crumb")
log.warning("order %s is late", 17)
sentry_log.info("hello {name}", name="Ada", cents=150)


def charge(card):
    raise ValueError("no such card")


with sentry_sdk.start_transaction(name="checkout", op="task") as transaction:
    try:
        try:
            {}["card"]
        except KeyError as error:
            raise ValueError("no such card") from error
    except ValueError:
        sentry_sdk.capture_exception()
    sentry_sdk.capture_message("all is well", level="info")
    print(transaction.trace_id)
sentry_sdk.flush(20)
"""

# What docs/how-to/take-from-other-shippers.md shows, and what it warns of.
SET_UP = """
import logging
import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration

sentry_sdk.init(URL.replace("http://", "http://KEY@") + "/PROJECT/web/1"MORE)
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.info("a crumb")
log.error("no answer")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
sentry_sdk.flush(20)
"""


def envelope(*items: tuple[Mapping[str, object], bytes], event_id: str | None = None) -> bytes:
    """Return an envelope."""
    lines = [json.dumps({"event_id": event_id} if event_id else {}).encode()]
    for header, payload in items:
        lines += [json.dumps(header).encode(), payload]
    return b"\n".join(lines) + b"\n"


def test_errors_and_logs_of_the_sdk(collector: CollectorProcess) -> None:
    """With level, time, exception, tags, breadcrumbs and trace."""
    before = time.time()
    trace = run_shipper(SDK, collector).strip()
    place = "project:sentry service:web instance:web-1"
    error = only(collector, f"{place} level:error")
    assert error["exception"]["type"] == "ValueError"
    assert error["exception"]["message"] == "no such card"
    stack = error["exception"]["stacktrace"]
    assert stack.index("KeyError") < stack.index("direct cause") < stack.index("ValueError")
    assert "Traceback (most recent call last):" in stack
    assert "raise ValueError" in stack
    assert error["message"] == "ValueError: no such card"
    assert error["trace_id"] == trace
    assert before - 1 < datetime.fromisoformat(error["time"]).timestamp() < time.time() + 1
    fields = error["attributes"]
    assert (fields["release"], fields["environment"], fields["region"]) == ("1.2.3", "test", "north")
    assert fields["transaction"] == "checkout"
    assert fields["user"] == {"id": "ada"}
    assert "a crumb" in [crumb.get("message") for crumb in fields["breadcrumbs"]]
    message = only(collector, f'{place} "all is well"')
    assert (message["level"], message["exception"]) == ("info", None)
    hello = only(collector, f"{place} hello")
    assert (hello["message"], hello["template"], hello["level"]) == ("hello Ada", "hello {name}", "info")
    assert (hello["attributes"]["name"], hello["attributes"]["cents"]) == ("Ada", 150)
    assert hello["attributes"]["release"] == "1.2.3"
    assert not [name for name in hello["attributes"] if name.startswith("sentry.")]
    late = only(collector, f"{place} late")
    assert (late["message"], late["level"], late["logger"]) == ("order 17 is late", "warning", "sentry.shop")


@pytest.mark.parametrize(
    ("project", "more", "stored", "traced"),
    [
        ("errors", "", {"no answer": 1, "broken": 1}, 1),
        (
            "all",
            ", integrations=[LoggingIntegration(event_level=None)], enable_logs=True",
            {"a crumb": 1, "no answer": 1, "broken": 1},
            0,
        ),
        (
            "both",
            ", enable_logs=True, before_send_log=lambda log, _: log if log['severity_number'] < 17 else None",
            {"a crumb": 1, "no answer": 1, "broken": 1},
            1,
        ),
        ("twice", ", enable_logs=True", {"a crumb": 1, "no answer": 2, "broken": 2}, 1),
    ],
)
def test_each_log_of_the_sdk_is_stored_once(
    collector: CollectorProcess, project: str, more: str, stored: dict[str, int], traced: int
) -> None:
    """As long as the SDK sends it once: errors are events, with tracebacks, and logs, if it is told so."""
    run_shipper(SET_UP.replace("PROJECT", project).replace("MORE", more), collector)
    found = list(collector.logs(f"project:{project} service:web"))
    assert sum(each["exception"] is not None for each in found) == traced
    assert Counter(each["message"] for each in found) == stored


def test_items_with_and_without_a_length(collector: CollectorProcess) -> None:
    """A payload may have line breaks where its length is told, else it ends with its line."""
    first = json.dumps({"message": "one", "server_name": "h", "timestamp": 1_767_225_600}, indent=1).encode()
    body = envelope(
        ({"type": "event", "length": len(first)}, first),
        ({"type": "session"}, b'{"sid": 1}'),
        ({"type": "event"}, b'{"message": {"message": "two %s", "params": ["x"]}, "level": "fatal"}'),
    )
    status, _, answer = post(collector, "/lengths/api/api/7/envelope/", body, ENVELOPE)
    assert (status, json.loads(answer)) == (200, {"id": None})
    one = only(collector, "project:lengths service:api instance:h")
    assert (one["message"], one["level"], one["time"]) == ("one", "error", "2026-01-01T00:00:00Z")
    two = only(collector, "project:lengths two")
    assert (two["message"], two["template"], two["level"]) == ("two x", "two %s", "fatal")


def test_an_event_that_comes_again_is_stored_once(collector: CollectorProcess) -> None:
    """Its id tells it from others."""
    body = envelope(({"type": "event"}, b'{"message": "once"}'), event_id=EVENT_ID)
    for _ in range(2):
        status, _, answer = post(collector, "/once/api/api/7/envelope/", body, ENVELOPE)
        assert (status, json.loads(answer)) == (200, {"id": EVENT_ID})
    assert collector.count("project:once") == 1


def test_a_dsn_without_a_place(collector: CollectorProcess) -> None:
    """Its records go to the default project; a key in the query is no mistake."""
    body = envelope(({"type": "event"}, b'{"message": "placeless"}'))
    path = "/api/7/envelope/?sentry_version=7&sentry_client=raven"
    assert post(collector, path, body, ENVELOPE)[0] == 200
    assert only(collector, "placeless")["service"] == "sentry"


def test_a_bad_item_does_not_cost_the_others(collector: CollectorProcess) -> None:
    """What can be read of an envelope is stored."""
    good = ({"type": "event"}, b'{"message": "good"}')
    body = envelope(({"type": "event"}, b"no json"), good, ({"type": "log", "length": 99}, b"{}"))
    assert post(collector, "/items/api/api/7/envelope/", body, ENVELOPE)[0] == 200
    assert only(collector, "project:items")["message"] == "good"


def test_what_is_no_envelope_is_refused(collector: CollectorProcess) -> None:
    """With 400, and words that the SDK shows."""
    status, _, answer = post(collector, "/api/7/envelope/", b"hello", ENVELOPE)
    assert status == 400
    assert "header is no JSON" in json.loads(answer)["detail"]
