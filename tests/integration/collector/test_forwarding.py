"""Records go to another system by OTLP: all that are meant, at least once, from where it stopped."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # has no annotations
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from pylogtap_collector.access.visitor import local
from pylogtap_collector.errors import InvalidQuery, NotFound, StaleVersion, UrlRefused
from pylogtap_collector.models import ForwardIn, ForwardPatch
from pylogtap_collector.services.forwarding import BATCH
from pylogtap_collector.services.intake import LOCAL
from pylogtap_collector.services.versions import version_of
from pylogtap_collector.taps.entries import Entry, Source
from pylogtap_collector.wire import Place
from tests.support.stores import running_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from pylogtap_collector.assembly import Collector
    from pylogtap_collector.models import Forward

WEB = Place("shop", "web", "web-1")
ADA = local()


class Receiver:
    """
    Another system, which keeps what it takes.

    Attributes:
        url: Where it takes OTLP.
        bodies: The messages of each request that it took.
        requests: All that it took, decoded.
        headers: Of each request, taken or not.
        partial: How many records of each request it refuses.
        words: What it says when it refuses a request, in protobuf.
        judge: Says with which status a request is answered, by its messages; 200: it is taken.
    """

    def __init__(self) -> None:
        """Take everything."""
        self.url = ""
        self.bodies: list[list[str]] = []
        self.requests: list[ExportLogsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.judge: Callable[[list[str]], int] = lambda _: 200
        self.partial = 0
        self.words = b""
        self.hanging = asyncio.Event()
        self.hanging.set()

    @property
    def messages(self) -> list[str]:
        """What it took, in its order."""
        return [message for body in self.bodies for message in body]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Take a request, or not."""
        self.headers.append(dict(request.headers))
        decoded = ExportLogsServiceRequest.FromString(await request.read())
        messages = [
            record.body.string_value
            for group in decoded.resource_logs
            for scope in group.scope_logs
            for record in scope.log_records
        ]
        await self.hanging.wait()
        status = self.judge(messages)
        if status != 200:
            if self.words:
                return web.Response(status=status, body=self.words, content_type="application/x-protobuf")
            return web.Response(status=status, text="not\x1b[31m now", headers={"Retry-After": "0"})
        self.bodies.append(messages)
        self.requests.append(decoded)
        answer = ExportLogsServiceResponse()
        answer.partial_success.rejected_log_records = self.partial
        return web.Response(body=answer.SerializeToString(), content_type="application/x-protobuf")


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run another system while this lasts."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/logs"
    try:
        yield receiver
    finally:
        receiver.hanging.set()
        await runner.cleanup()


@asynccontextmanager
async def storing(data: Path, *receivers: Receiver) -> AsyncIterator[Collector]:
    """Run a collector that may call some systems."""
    outgoing = tuple(receiver.url.removesuffix("/v1/logs") for receiver in receivers)
    async with running_store(data, adopt=False, outgoing=outgoing) as store:
        store.reach_out(0)
        yield store


def files_in(folder: Path) -> list[bytes]:
    """Return what files hold."""
    return [path.read_bytes() for path in folder.iterdir()]


async def put(store: Collector, *messages: str, **facts: Any) -> None:
    """Store records."""
    await store.services.intake.take([Entry(WEB, message, **facts) for message in messages], LOCAL)


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


async def made(store: Collector, receiver: Receiver, **more: Any) -> Forward:
    """Begin to deliver."""
    return await store.services.forwards.create(ForwardIn(name="elsewhere", url=receiver.url, **more), ADA)


async def state(store: Collector, forward: Forward) -> Forward:
    """Return how far it has come."""
    return await store.services.forwards.one(forward.id)


async def reached(store: Collector, forward: Forward, condition: Callable[[Forward], bool]) -> Forward:
    """Return how far it has come, once that is where it should be."""
    async with asyncio.timeout(20):
        while not condition(now := await state(store, forward)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    return now


async def test_what_comes_from_now_on(tmp_path: Path) -> None:
    """Records that come later are delivered, in their order, with all that they say."""
    async with receiving() as receiver, storing(tmp_path, receiver) as store:
        await put(store, "before")
        forward = await made(store, receiver, headers={"Authorization": "Bearer swordfish"})
        await put(
            store, "card 7 declined", time_ns=1_700_000_000_000_001_000, severity=17, level="error",
            logger="shop.pay", fields={"card": 7, "deep": {"list": [1.5, None, True]}},
            exception={"type": "Declined", "message": "no", "stacktrace": "at 1"},
            trace_id="ab" * 16, span_id="cd" * 8, source=Source("pay.py", 12, "pay"), pid=4711,
        )  # fmt: skip
        await put(store, "next")
        await until(lambda: receiver.messages == ["card 7 declined", "next"])
        assert receiver.headers[0]["Authorization"] == "Bearer swordfish"
        assert receiver.headers[0]["Content-Encoding"] == "gzip"
        after = await reached(store, forward, lambda now: now.sent == 2)
        assert (after.sent, after.refused, after.last_error) == (2, 0, None)
        assert after.header_names == ["Authorization"]
        group = receiver.requests[0].resource_logs[0]
    names = {each.key: each.value.string_value for each in group.resource.attributes}
    assert names == {
        "service.namespace": "shop", "service.name": "web", "service.instance.id": "web-1"
    }  # fmt: skip
    scope = group.scope_logs[0]
    record = scope.log_records[0]
    assert scope.scope.name == "shop.pay"
    assert record.time_unix_nano == 1_700_000_000_000_001_000
    assert (record.severity_number, record.severity_text) == (17, "error")
    assert (record.trace_id.hex(), record.span_id.hex()) == ("ab" * 16, "cd" * 8)
    fields = {each.key: each.value for each in record.attributes}
    assert fields["card"].int_value == 7
    assert fields["deep"].kvlist_value.values[0].value.array_value.values[0].double_value == 1.5
    assert fields["exception.type"].string_value == "Declined"
    assert (fields["code.file.path"].string_value, fields["code.line.number"].int_value) == ("pay.py", 12)
    assert fields["process.pid"].int_value == 4711


async def test_all_that_is_there_and_matches(tmp_path: Path) -> None:
    """From the beginning, in as many requests as it takes; what the query does not mean is passed over."""
    async with receiving() as receiver, storing(tmp_path, receiver) as store:
        await put(store, *(f"error {number}" for number in range(BATCH + 10)), severity=17, level="error")
        await put(store, "all is well")
        forward = await made(store, receiver, query="level:error", start="beginning")
        await until(lambda: len(receiver.messages) == BATCH + 10)
        assert receiver.messages == [f"error {number}" for number in range(BATCH + 10)]
        assert len(receiver.bodies) == 2
        await reached(store, forward, lambda now: now.sent == BATCH + 10)


async def test_a_system_that_is_down_for_a_while(tmp_path: Path) -> None:
    """Nothing is passed over while the other side cannot take it; why it waits can be seen."""
    async with receiving() as receiver, storing(tmp_path, receiver) as store:
        receiver.judge = lambda _: 503
        forward = await made(store, receiver)
        await put(store, "one", "two")
        await until(lambda: len(receiver.headers) >= 2)
        error = (await state(store, forward)).last_error
        assert error is not None
        assert "503: not [31m now" in error
        receiver.judge = lambda _: 200
        await until(lambda: receiver.messages == ["one", "two"])
        await reached(store, forward, lambda now: now.last_error is None)


async def test_a_key_that_is_not_good_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What the other side says of it is told once in the log, and shown, also if it says so in protobuf."""
    async with receiving() as receiver, storing(tmp_path, receiver) as store:
        receiver.judge = lambda _: 401
        receiver.words = Status(code=16, message="This key is not a good one.").SerializeToString()
        forward = await made(store, receiver)
        await put(store, "one")
        await until(lambda: len(receiver.headers) >= 3)
        after = await reached(store, forward, lambda now: now.last_error is not None)
    assert after.last_error is not None
    assert after.last_error.endswith("status 401: This key is not a good one.")
    told = [record.getMessage() for record in caplog.records if "forward elsewhere" in record.getMessage()]
    assert len(told) == 1
    assert "This key is not a good one." in told[0]


async def test_records_that_are_refused_for_good(tmp_path: Path) -> None:
    """One bad record does not keep back its neighbours; it is counted and not sent for ever."""
    async with receiving() as receiver, storing(tmp_path, receiver) as store:
        receiver.judge = lambda messages: 400 if "bad" in messages else 200
        forward = await made(store, receiver)
        await put(store, "a", "b", "bad", "c", "d")
        await until(lambda: sorted(receiver.messages) == ["a", "b", "c", "d"])
        after = await reached(store, forward, lambda now: now.refused > 0)
        assert (after.sent, after.refused) == (4, 1)
        receiver.partial = 1
        await put(store, "e", "f")
        after = await reached(store, forward, lambda now: now.refused > 1)
        assert (after.sent, after.refused) == (5, 2)


async def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    """What was delivered before is not sent again; what came in between is sent, with its secret headers."""
    async with receiving() as receiver:
        async with storing(tmp_path, receiver) as store:
            forward = await made(store, receiver, headers={"X-Key": "swordfish"})
            await put(store, "one")
            await until(lambda: receiver.messages == ["one"])
            await reached(store, forward, lambda now: now.sent == 1)
            await store.services.forwards.change(forward.id, ForwardPatch(enabled=False), ADA)
            await put(store, "two")
        async with storing(tmp_path, receiver) as store:
            await store.services.forwards.change(forward.id, ForwardPatch(enabled=True), ADA)
            await until(lambda: receiver.messages == ["one", "two"])
            assert receiver.headers[-1]["X-Key"] == "swordfish"
    assert not any(b"swordfish" in file for file in files_in(tmp_path))


async def test_one_that_hangs_keeps_back_no_other(tmp_path: Path) -> None:
    """Each system gets its records at its own pace."""
    async with receiving() as slow, receiving() as quick, storing(tmp_path, slow, quick) as store:
        slow.hanging.clear()
        await made(store, slow)
        await made(store, quick)
        await put(store, "one")
        await until(lambda: slow.headers)
        await put(store, "two")
        await until(lambda: quick.messages == ["one", "two"])
        assert slow.messages == []


async def test_what_is_refused(tmp_path: Path) -> None:
    """Addresses that are not listed, queries that cannot be read, and stale versions are refused."""
    async with receiving() as receiver, storing(tmp_path, receiver) as store:
        forwards = store.services.forwards
        with pytest.raises(UrlRefused):
            await forwards.create(ForwardIn(name="x", url="http://example.com/v1/logs"), ADA)
        with pytest.raises(InvalidQuery):
            await made(store, receiver, query="level:(")
        forward = await made(store, receiver)
        with pytest.raises(UrlRefused):
            await forwards.change(forward.id, ForwardPatch(url="http://example.com/"), ADA)
        version = version_of(forward)
        await forwards.change(forward.id, ForwardPatch(name="y"), ADA, expected=frozenset({version}))
        with pytest.raises(StaleVersion):
            await forwards.delete(forward.id, ADA, expected=frozenset({version}))
        await forwards.delete(forward.id, ADA)
        with pytest.raises(NotFound):
            await forwards.one(forward.id)
        assert (await forwards.page()).items == []
