"""`pylogtap doctor` says how it goes with containers, and what mends it."""

from __future__ import annotations

import http.server
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cli.api import Api
from pylogtap.cli.checks.containers import check
from tests.support.visits import own_collector, visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pylogtap.cli.checks.finding import Finding
    from tests.integration.cli.conftest import Shell

ENGINE: dict[str, Any] = {
    "wanted": True, "reachable": True, "version": "20.10.24", "error": None, "switch_lines": []
}  # fmt: skip


def container(name: str, **facts: Any) -> dict[str, Any]:
    """Return a container as the API describes it."""
    return {"name": name, "log": "followed", "unknown": [], "error": None, **facts}


@contextmanager
def answering(document: object, status: int = 200) -> Iterator[Api]:
    """Run a collector that answers so: what happens to engines on other people's machines."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header(
                "Content-Type", "application/json" if status == 200 else "application/problem+json"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Api(f"http://127.0.0.1:{server.server_port}", None)
        finally:
            server.shutdown()
            thread.join()


def found(engine: dict[str, Any], *containers: dict[str, Any]) -> list[Finding]:
    """Return what is found where the collector answers so."""
    with answering({"engine": {**ENGINE, **engine}, "items": list(containers), "next": None}) as api:
        return list(check(api))


def test_an_engine_that_is_not_to_be_followed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody wants containers nothing is said of them."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_DOCKER", "off")
    with own_collector(shell, monkeypatch):
        seen = visit(shell)
    assert "containers" not in {each["check"] for each in seen.document["findings"]}


def test_an_engine_that_does_not_answer(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A socket on which nobody listens is a warning, with what to try."""
    monkeypatch.setenv("PYLOGTAP_COLLECTOR_DOCKER", f"unix://{tmp_path}/no.sock")
    with own_collector(shell, monkeypatch):
        seen = visit(shell)
        while seen.found("containers")["state"] != "warning":  # it has not tried yet
            seen = visit(shell)
    assert seen.found("containers")["seen"].endswith(
        f"does not answer: there is nothing at {tmp_path}/no.sock"
    )
    assert "start the engine" in seen.found("containers")["remedies"][0]
    assert seen.code == 0


def test_all_is_well() -> None:
    """An engine that answers and logs that come in are fine, whichever way they come."""
    (finding,) = found({}, container("web"), container("db", log="ended"), container("mq", log="delivered"))
    assert (finding.state, finding.seen) == ("ok", "3 containers of engine 20.10.24 are followed")


def test_no_permission() -> None:
    """Who may not reach the engine is told how to."""
    error = "user log may not use the socket /s, which is for the group docker; sudo usermod -aG docker log"
    (finding,) = found({"reachable": False, "error": error})
    assert finding.state == "warning"
    assert finding.seen.endswith("does not answer: " + error.partition("; ")[0])
    assert finding.remedies == ("on the collector's machine:  sudo usermod -aG docker log",)


def test_what_an_older_collector_says() -> None:
    """Its errors tell no remedy; the right user is named, who is not the one that asks."""
    (finding,) = found({"reachable": False, "error": "PermissionError: [Errno 13] Permission denied"})
    assert "the collector's user be of the group" in finding.remedies[0]
    (finding,) = found({"reachable": False, "error": "TimeoutError: "})
    assert finding.remedies == ("on the collector's machine:  docker version",)


def test_no_engine() -> None:
    """That there is none is worth knowing, no more."""
    (finding,) = found({"reachable": False})
    assert (finding.state, finding.remedies) == ("note", ())


def test_logs_that_cannot_be_read() -> None:
    """Containers whose driver keeps nothing are named, the first of them."""
    _, finding = found({}, *(container(f"c{number}", log="unreadable") for number in range(7)))
    assert finding.state == "warning"
    assert "c0, c1, c2, c3, c4 and 2 more" in finding.seen
    assert "driver: local" in finding.remedies[0]


def test_logs_that_do_not_come_in() -> None:
    """What keeps logs from coming in is a problem."""
    _, finding = found({}, container("a"), container("b", log="failed", error="engine says 500"))
    assert (finding.state, finding.seen) == ("problem", "the logs of b do not come in: engine says 500")


def test_what_the_kernel_does_not_count() -> None:
    """Where one line switches a value on, it is offered; what cannot be known is left alone."""
    unknown = {"value": "block I/O", "reason": "the kernel does not count it", "can_switch_on": True}
    other = {"value": "network", "reason": "it is the machine's", "can_switch_on": False}
    _, finding = found({"switch_lines": ["echo 1"]}, container("a", unknown=[unknown, other]), container("b"))
    assert (finding.state, finding.seen) == (
        "note", "block I/O of a is not counted: the kernel does not count it"
    )  # fmt: skip
    assert finding.remedies == ("as root, after each start of the machine:  echo 1",)


@pytest.mark.parametrize("document", [{}, [], {"engine": {}}, {"engine": ENGINE, "items": [{}]}])
def test_an_answer_of_another_version(document: object) -> None:
    """What is not understood is said, and stops nothing."""
    with answering(document) as api:
        findings = list(check(api))
    assert findings[-1].state == "note"


def test_a_collector_that_knows_no_containers() -> None:
    """An older collector is not blamed."""
    with answering({"code": "not_found", "detail": "There is nothing."}, 404) as api:
        assert list(check(api)) == []
