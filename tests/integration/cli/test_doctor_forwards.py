"""`pylogtap doctor` says whether what is delivered to other systems gets on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pylogtap.cli.api import Api
from tests.support.visits import log, own_collector, visit

if TYPE_CHECKING:
    import pytest

    from tests.integration.cli.conftest import Shell

NOWHERE = "http://127.0.0.1:9"  # discard: nothing listens there


def test_a_system_that_does_not_answer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward that waits is a warning with the reason; one that rests is none of the doctor's business."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_OUTGOING", NOWHERE)
    shell.environment["PYLOGTAP_PREFIX"] = f"{shell.project}/checkout/web-1"
    with own_collector(shell, monkeypatch) as collector:
        api = Api(collector.url, None)
        before = visit(shell)
        made = api.post("/api/v1/forwards", {"name": "elsewhere", "url": f"{NOWHERE}/v1/logs"})
        fresh = visit(shell)
        log(shell)
        deadline = time.monotonic() + 20
        while api.get(f"/api/v1/forwards/{made['id']}")["last_error"] is None and time.monotonic() < deadline:
            time.sleep(0.05)
        waits = visit(shell)
        api.patch(f"/api/v1/forwards/{made['id']}", {"enabled": False})
        rests = visit(shell)
    assert "forwards" not in {each["check"] for each in before.document["findings"]}
    assert fresh.state("forwards") == "ok"
    assert waits.state("forwards") == "warning"
    assert "elsewhere does not get on" in waits.found("forwards")["seen"]
    assert rests.state("forwards") == "ok"
