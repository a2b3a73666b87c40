"""`kill -9` of the collector while shippers of other people deliver: those that try again lose nothing."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults.extent import often
from tests.support.shippers import run_shipper

if TYPE_CHECKING:
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import Saw

LINES = 400  # for each time that the collector is killed
BATCH = 50
OTLP = """
import logging, time
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

provider = LoggerProvider(Resource({"service.namespace": "shop", "service.name": "otlp"}))
exporter = OTLPLogExporter(URL + "/v1/logs", timeout=60)
provider.add_log_record_processor(
    BatchLogRecordProcessor(
        exporter, schedule_delay_millis=50, max_export_batch_size=BATCH, max_queue_size=1_000_000
    )
)
given_up = []
watch = logging.Handler(logging.ERROR)
watch.emit = lambda record: given_up.append(record.getMessage())
logging.getLogger("opentelemetry").addHandler(watch)
log = logging.getLogger("shop")
log.addHandler(LoggingHandler(logger_provider=provider))
for number in range(LINES):
    log.warning("line %d", number)
    time.sleep(0.002)
assert provider.force_flush(240_000)
provider.shutdown()
print(sum("Failed to export" in text for text in given_up))
"""
ELASTIC = """
import datetime as dt, time
from elasticsearch import Elasticsearch, helpers

client = Elasticsearch(URL + "/elastic", retry_on_timeout=True, max_retries=100, request_timeout=20)
now = dt.datetime.now(dt.UTC)
for first in range(0, LINES, 50):
    documents = [
        {"_index": "logs", "_op_type": "create", "_id": str(number), "@timestamp": now.isoformat(),
         "message": f"line {number}", "service": {"name": "elastic", "namespace": "shop"}}
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
print(0)
"""


@often(3, 20)
@pytest.mark.parametrize(
    ("key", "service", "program"),
    [("shippers-otlp", "otlp", OTLP), ("shippers-elastic", "elastic", ELASTIC)],
    ids=["otlp", "elastic"],
)
def test_nothing_is_lost_or_doubled(
    collector: CollectorProcess, key: str, service: str, program: str, seed: int, times: int, saw: Saw
) -> None:
    """
    The collector dies at random and comes back; each record is there once: the same request is known.

    OpenTelemetry's exporter gives a batch up after six attempts; what it says it has given up may be missing.
    """
    rng, lines = random.Random(seed), LINES * times
    failed: list[BaseException] = []
    printed: list[str] = []

    def ship() -> None:
        try:
            printed.append(run_shipper(f"LINES, BATCH = {lines}, {BATCH}\n{program}", collector))
        except BaseException as error:  # noqa: BLE001 - is raised where the test sees it
            failed.append(error)

    shipping = threading.Thread(target=ship)
    shipping.start()
    kills = 0
    while shipping.is_alive() and kills < times:
        time.sleep(rng.uniform(0.5, 2.0))
        collector.kill()
        time.sleep(rng.uniform(0, 0.3))
        collector.start()
        kills += 1
    shipping.join()
    if failed:
        raise failed[0]
    found = Counter(log["message"] for log in collector.logs(f"service:{service}"))
    assert kills
    doubled = found.total() - len(found)
    missing = {f"line {number}" for number in range(lines)} - found.keys()
    unexplained = max(0, len(missing) - int(printed[0]) * BATCH)
    figure = (
        f"{kills} kills, {lines:,} lines: {unexplained} lost, {doubled} duplicated; "
        f"{printed[0].strip()} batches given up by the exporter"
    )
    saw(key, figure, kept=not unexplained and not doubled)
