"""
The peers: each makes a function that logs one record, and one that returns when all is delivered.

All log the same record, in the style that each one's documentation shows: a message of two values, and three
fields. Each runs in a process of its own and is imported only there. Settings are the defaults, except where
a bounded queue would drop records at the pace of the benchmark and so make them look cheap: then the bound
is lifted, and the comment says so.
"""

from __future__ import annotations

import functools
import importlib
import logging
import logging.handlers
import os
import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Call = Callable[[int], object]  # logs record number n
Finish = Callable[[], object]  # returns when everything is delivered
MARKER = b"north"  # stands exactly once in each delivered record, whatever its encoding
LOGGER = "bench.pay"
PREFIX = "shop/checkout/web-1"


@dataclass(frozen=True, slots=True)
class Target:
    """
    Where a peer ships to.

    Attributes:
        url: Base address of an HTTP sink, or of a collector.
        port: The sink's port, for peers that speak plain TCP.
        folder: For files of the peer: its log file, its spool.
    """

    url: str
    port: int
    folder: Path

    @property
    def file(self) -> Path:
        """The file of those that write one."""
        return self.folder / "peer.log"


@dataclass(frozen=True, slots=True)
class Peer:
    """
    One way to log.

    Attributes:
        start: Sets it up in this process.
        needs: The module that must be installed.
        delivers: `sink`, `file`, or `nothing`.
        about: What it is, for the table's legend.
    """

    start: Callable[[Target], tuple[Call, Finish]]
    needs: str
    delivers: str
    about: str


def standard(handler: logging.Handler) -> Call:
    """Return a call through the standard library's logger with this handler alone."""
    logger = logging.getLogger(LOGGER)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    return standard_call(logger)


def standard_call(logger: logging.Logger) -> Call:
    """Return the call that all users of the standard library's logger are measured with."""
    return lambda number: logger.info(
        "user %s paid %d cents", "ann", number, extra={"order": number, "shop": "north", "vip": True}
    )


def _null(_: Target) -> tuple[Call, Finish]:
    return standard(logging.NullHandler()), lambda: None


def _queue_json(target: Target) -> tuple[Call, Finish]:
    file = logging.FileHandler(target.file)
    file.setFormatter(importlib.import_module("pythonjsonlogger.json").JsonFormatter())
    records: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(records, file)
    listener.start()
    return standard(logging.handlers.QueueHandler(records)), listener.stop


def _otel(target: Target) -> tuple[Call, Finish]:
    handler = importlib.import_module("opentelemetry.instrumentation.logging.handler")
    sdk = importlib.import_module("opentelemetry.sdk._logs")
    export = importlib.import_module("opentelemetry.sdk._logs.export")
    otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http._log_exporter")
    provider = sdk.LoggerProvider()
    exporter = otlp.OTLPLogExporter(endpoint=f"{target.url}/v1/logs")
    # The default queue of 2,048 drops at this pace.
    provider.add_log_record_processor(export.BatchLogRecordProcessor(exporter, max_queue_size=10**7))
    return standard(handler.LoggingHandler(logger_provider=provider)), provider.shutdown


def _fluent(target: Target) -> tuple[Call, Finish]:
    names = {
        "level": "%(levelname)s",
        "logger": "%(name)s",
        **{key: f"%({key})s" for key in ("order", "shop", "vip")},
    }
    handler = importlib.import_module("fluent.asynchandler").FluentHandler(
        "shop.checkout.web-1", host="127.0.0.1", port=target.port, queue_maxsize=0
    )
    handler.setFormatter(importlib.import_module("fluent.handler").FluentRecordFormatter(names))
    return standard(handler), handler.close


def _logstash(target: Target) -> tuple[Call, Finish]:
    return _logstash_with(target, None)


def _logstash_disk(target: Target) -> tuple[Call, Finish]:
    return _logstash_with(target, str(target.folder / "logstash.db"))


def _logstash_with(target: Target, database: str | None) -> tuple[Call, Finish]:
    module = importlib.import_module("logstash_async.handler")
    handler = module.AsynchronousLogstashHandler("127.0.0.1", target.port, database_path=database)
    return standard(handler), handler.close


def _structlog(target: Target) -> tuple[Call, Finish]:
    structlog, orjson = importlib.import_module("structlog"), importlib.import_module("orjson")
    file = target.file.open("wb")
    structlog.configure(  # the fastest form that structlog's own page on performance shows
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=structlog.BytesLoggerFactory(file),
    )
    logger = structlog.get_logger(LOGGER)
    return _event_call(logger), file.close


def _loguru(target: Target) -> tuple[Call, Finish]:
    guru = importlib.import_module("loguru").logger
    guru.remove()
    guru.add(target.file, enqueue=True, serialize=True)
    return (
        lambda number: guru.info(
            "user {} paid {} cents", "ann", number, order=number, shop="north", vip=True
        ),
        guru.complete,
    )


def _picologging(target: Target) -> tuple[Call, Finish]:
    picologging = importlib.import_module("picologging")
    handlers = importlib.import_module("picologging.handlers")
    records: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = handlers.QueueListener(records, picologging.FileHandler(str(target.file)))
    listener.start()
    logger = picologging.getLogger(LOGGER)
    logger.setLevel(picologging.INFO)
    logger.addHandler(handlers.QueueHandler(records))
    # It knows no `extra`: it carries less than all others.
    return lambda number: logger.info("user %s paid %d cents to north", "ann", number), listener.stop


def _sentry(target: Target) -> tuple[Call, Finish]:
    sentry = importlib.import_module("sentry_sdk")
    integration = importlib.import_module("sentry_sdk.integrations.logging").LoggingIntegration
    sentry.init(
        dsn=f"http://key@127.0.0.1:{target.port}/1",
        enable_logs=True,
        integrations=[integration(sentry_logs_level=logging.INFO)],
    )
    logger = logging.getLogger(LOGGER)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    return standard_call(logger), lambda: sentry.flush(timeout=60)


def _logfire(target: Target) -> tuple[Call, Finish]:
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = target.url
    os.environ["OTEL_BSP_MAX_QUEUE_SIZE"] = str(10**7)  # the default of 2,048 drops at this pace
    logfire = importlib.import_module("logfire")
    logfire.configure(send_to_logfire=False, console=False, metrics=False)
    return (
        lambda number: logfire.info(
            "user {user} paid {cents} cents", user="ann", cents=number, order=number, shop="north", vip=True
        ),
        functools.partial(logfire.force_flush, timeout_millis=60_000),
    )


def _pylogtap_environment(target: Target) -> Any:
    os.environ["PYLOGTAP_URL"] = target.url
    os.environ["PYLOGTAP_SPOOL_DIR"] = str(target.folder / "spool")
    return importlib.import_module("pylogtap")


def _pylogtap(target: Target) -> tuple[Call, Finish]:
    pylogtap = _pylogtap_environment(target)
    pylogtap.init(PREFIX)  # everything on: context, redaction, limits, capture
    return standard_call(logging.getLogger(LOGGER)), functools.partial(pylogtap.flush, timeout_s=60)


def _pylogtap_own(target: Target) -> tuple[Call, Finish]:
    pylogtap = _pylogtap_environment(target)
    return _event_call(pylogtap.get_logger(PREFIX)), functools.partial(pylogtap.flush, timeout_s=60)


def _event_call(logger: Any) -> Call:
    """Return the call that loggers of events and fields are measured with."""
    return lambda number: logger.info(
        "user paid", user="ann", cents=number, order=number, shop="north", vip=True
    )


BASE = "null"
PEERS = {
    BASE: Peer(_null, "logging", "nothing", "stdlib logger, NullHandler: makes a record, keeps nothing"),
    "pylogtap": Peer(_pylogtap, "pylogtap", "sink", "stdlib logger, pylogtap.init(): all defaults"),
    "pylogtap_own": Peer(_pylogtap_own, "pylogtap", "sink", "pylogtap.get_logger(): all defaults"),
    "queue_json": Peer(
        _queue_json, "pythonjsonlogger", "file", "QueueHandler, a thread writes JSON to a file"
    ),
    "otel": Peer(_otel, "opentelemetry.exporter.otlp", "sink", "OpenTelemetry SDK, batches by OTLP/HTTP"),
    "fluent": Peer(_fluent, "fluent", "sink", "fluent-logger, asynchronous"),
    "logstash": Peer(_logstash, "logstash_async", "sink", "logstash-async, buffer in memory"),
    "logstash_disk": Peer(
        _logstash_disk, "logstash_async", "sink", "logstash-async, buffer in its database on disk"
    ),
    "structlog": Peer(_structlog, "structlog", "file", "structlog + orjson into a file, unbuffered by line"),
    "loguru": Peer(_loguru, "loguru", "file", "loguru, enqueue=True, serialize=True, into a file"),
    "logfire": Peer(_logfire, "logfire", "sink", "logfire, OTLP/HTTP"),
    "sentry": Peer(_sentry, "sentry_sdk", "sink", "sentry-sdk logs, envelopes by HTTP"),
    "picologging": Peer(
        _picologging, "picologging", "file", "picologging (C++), queue, plain text into a file"
    ),
}
