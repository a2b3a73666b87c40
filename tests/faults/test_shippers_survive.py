"""`kill -9` of the collector while shippers of other people deliver: those that try again lose nothing."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults.test_application_killed import often
from tests.support.shippers import run_shipper

if TYPE_CHECKING:
    from tests.support.daemon import CollectorProcess

LINES = 1_500
OTLP = f"""
import logging, time
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

provider = LoggerProvider(Resource({{"service.namespace": "shop", "service.name": "otlp"}}))
exporter = OTLPLogExporter(URL + "/v1/logs", timeout=60)
provider.add_log_record_processor(
    BatchLogRecordProcessor(exporter, schedule_delay_millis=50, max_export_batch_size=50)
)
log = logging.getLogger("shop")
log.addHandler(LoggingHandler(logger_provider=provider))
for number in range({LINES}):
    log.warning("line %d", number)
    time.sleep(0.002)
assert provider.force_flush(60_000)
provider.shutdown()
"""
ELASTIC = f"""
import datetime as dt, time
from elasticsearch import Elasticsearch, helpers

client = Elasticsearch(URL + "/elastic", retry_on_timeout=True, max_retries=100, request_timeout=20)
now = dt.datetime.now(dt.UTC)
for first in range(0, {LINES}, 50):
    documents = [
        {{"_index": "logs", "_op_type": "create", "_id": str(number), "@timestamp": now.isoformat(),
         "message": f"line {{number}}", "service": {{"name": "elastic", "namespace": "shop"}}}}
        for number in range(first, first + 50)
    ]
    for attempt in range(100):
        try:
            helpers.bulk(client, documents)
            break
        except Exception:
            time.sleep(0.1)
    else:
        raise SystemExit("never delivered")
    time.sleep(0.1)
"""


@often(4, 20)
@pytest.mark.parametrize(("service", "program"), [("otlp", OTLP), ("elastic", ELASTIC)])
def test_nothing_is_lost_or_doubled(
    collector: CollectorProcess, service: str, program: str, seed: int, times: int
) -> None:
    """The collector dies at random and comes back; each record is there once: the same request is known."""
    rng = random.Random(seed)
    failed: list[BaseException] = []

    def ship() -> None:
        try:
            run_shipper(program, collector)
        except BaseException as error:  # noqa: BLE001 - is raised where the test sees it
            failed.append(error)

    shipping = threading.Thread(target=ship)
    shipping.start()
    kills = 0
    while shipping.is_alive() and kills < times:
        time.sleep(rng.uniform(0.3, 1.2))
        collector.kill()
        time.sleep(rng.uniform(0, 0.3))
        collector.start()
        kills += 1
    shipping.join()
    if failed:
        raise failed[0]
    found = Counter(log["message"] for log in collector.logs(f"service:{service}"))
    assert kills
    assert found.keys() == {f"line {number}" for number in range(LINES)}
    assert max(found.values()) == 1
