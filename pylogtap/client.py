"""One collector as this process sees it: a spool, a writer, a shipper. Shared by all handlers and loggers."""

from __future__ import annotations

import atexit
import hashlib
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pylogtap import context, record
from pylogtap.counters import Stats
from pylogtap.prefix import Prefix, find_prefix, host_name, program_name
from pylogtap.settings import Settings, default_spool_dir, load
from pylogtap.spool import Spool
from pylogtap.version import __version__
from pylogtap.writer import Draft, Site, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap.shipper import DrainReport, Shipper

MEMORY_BYTES = 16 << 20  # most that waits in memory where no directory can be used
DESTINATION_FILE = "destination"

_clients: dict[tuple[str, str | None, str], Client] = {}
_lock = threading.Lock()


class Client:
    """
    Delivers to one collector.

    Attributes:
        settings: As they were read.
        prefix: The place of loggers that have none of their own.
        spool: What waits.
        writer: Encodes what is uncommon.
        memory_reason: Why the spool is in memory only; None where it is on disk.
        told: Whether people have been told what is left, and need not be told at the end.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Open the spool. The thread starts with it.

        Args:
            settings: From :func:`pylogtap.settings.load`.
        """
        self.settings = settings
        self.prefix = find_prefix(settings.prefix, os.environ)
        context.redactor.extend(settings.redact)
        self.memory_reason: str | None = None
        self.told = False
        self._unsettled = 0
        self.spool = self._open_spool()
        self.writer = Writer(self.spool, context.redactor, arguments=settings.arguments)
        self._shipper: Shipper | None = None
        self._main = threading.main_thread().ident
        self.start()

    def start(self) -> None:
        """Start the shipping thread."""
        if self._shipper is None:
            from pylogtap.shipper import Shipper  # noqa: PLC0415 - loads what a thread needs, in its time
            from pylogtap.transport import Transport  # noqa: PLC0415

            transport = Transport(self.settings.url, self.settings.key, __version__, self._heed)
            self._shipper = Shipper(
                self.spool,
                transport,
                interval_s=self.settings.flush_interval_s,
                report_fault=self.report_fault,
                tell_refusal=self._tell_refusal,
            )
        self._shipper.start()

    def _heed(self, words: Mapping[str, Any]) -> None:
        """Take up what the collector asks for: further words that make a key secret."""
        redact = words.get("redact")
        if not isinstance(redact, list):
            return
        if context.redactor.extend(tuple(word for word in redact if isinstance(word, str))):
            self._unsettled = 2  # again with the next answer: a call may have been between two of its steps
        if self._unsettled:
            self._unsettled -= 1
            self.spool.table.forget_shortcuts()

    def _open_spool(self) -> Spool:
        directory: str | None = None
        try:
            directory = destination_directory(self.settings)
            return self._spool_in(directory, self.settings.spool_max_bytes)
        except OSError as error:
            self.memory_reason = f"{directory or self.settings.spool_dir}: {error.strerror or error}"
            return self._spool_in(None, min(MEMORY_BYTES, self.settings.spool_max_bytes))

    def _spool_in(self, directory: str | None, max_bytes: int) -> Spool:
        return Spool(
            directory, self._opening, max_bytes=max_bytes, on_rotate=self._rotated, on_fork=self._forked
        )

    def _opening(self, losses: Mapping[str, int]) -> list[bytes]:
        payloads = [record.process_payload(program_name(), host_name(), __version__)]
        if losses:
            payloads.append(record.loss_payload(str(self.prefix), losses))
        return payloads

    def _rotated(self) -> None:
        if self._shipper is not None:
            self._shipper.wake()

    def _forked(self) -> None:
        if self._shipper is not None:
            self._shipper.after_fork()

    def emit(self, site: Site, when: int, fields: Mapping[str, Any], more: dict[str, Any]) -> None:
        """Keep a record that no call site stands behind, such as a line of another program."""
        text = site.template or ""
        varying = site._replace(template=None)
        draft = Draft(varying, when, None, self.writer.fields_of(fields.items(), more), more, text)
        self.writer.write(draft)

    def report_fault(self, text: str) -> None:
        """Log the stack that a process of ours left when a fatal signal ended it."""
        from pylogtap.faults import fault_of  # noqa: PLC0415 - once in a blue moon

        fault = fault_of(text)
        if fault is not None:
            site, when, fields, more = fault  # of another process: what is bound here is none of it
            draft = Draft(site._replace(template=None), when, None, fields, more, site.template or "")
            self.writer.write(draft)

    def flush(self, timeout_s: float, *, give_up_early: bool = False) -> bool:
        """Deliver what has been logged so far; see :meth:`pylogtap.shipper.Shipper.flush`."""
        return self._shipper is None or self._shipper.flush(timeout_s, give_up_early=give_up_early)

    def adopt(self, timeout_s: float) -> bool:
        """Deliver what dead processes have left; see :meth:`pylogtap.shipper.Shipper.adopt`."""
        return self._shipper is None or self._shipper.adopt(timeout_s)

    def shutdown(self) -> None:
        """Deliver what is left within the exit time, and close. What stays undelivered is adopted later."""
        self.spool.tell_last_losses()
        self.flush(self.settings.exit_timeout_s, give_up_early=True)
        self._tell_what_is_left()
        if self._shipper is not None:
            self._shipper.stop()
        if "pylogtap.capture" in sys.modules:
            sys.modules["pylogtap.capture"].forget_faults()
        self.spool.close()

    def _tell_refusal(self, why: str) -> None:
        """Say on standard error that the collector takes nothing from this program before somebody acts."""
        kept = f"kept in {self.spool.directory}" if self.spool.directory else "kept in memory"
        with suppress(OSError, ValueError, AttributeError):  # as below
            sys.stderr.write(
                f"pylogtap: {self.settings.url} does not take what this program logs: {why} "
                f"Until then it is {kept}; `pylogtap doctor` looks into it.\n"
            )

    def _tell_what_is_left(self) -> None:
        """Say on standard error what is lost; on a terminal also what waits."""
        count = 0 if self.told else self.spool.unsent_records()
        if not count:
            return
        records = "1 record" if count == 1 else f"{count:,} records"
        why = (self._shipper.last_error if self._shipper else None) or "not delivered in time"
        with suppress(OSError, ValueError, AttributeError):  # standard error may be closed, or none at all
            if self.spool.directory is None:
                lost = f"{records} for {self.settings.url} are lost: {why}; {self.memory_reason}"
                sys.stderr.write(f"pylogtap: {lost}\n")
            elif sys.stderr.isatty():
                kept = f"{records} for {self.settings.url} wait in {self.spool.directory}: {why}"
                sys.stderr.write(f"pylogtap: {kept}; `pylogtap drain` delivers them\n")

    @property
    def last_error(self) -> str | None:
        """Why the last attempt to deliver failed; None where it did not."""
        return self._shipper.last_error if self._shipper else None

    def stats(self) -> Stats:
        """Return what became of this process's records."""
        dropped = dict(self.spool.dropped)
        spooled = self.spool.unsent_records()
        shipped = self._shipper.shipped if self._shipper else 0
        return Stats(
            accepted=shipped + spooled + sum(dropped.values()),
            shipped=shipped,
            spooled=spooled,
            spooled_bytes=self.spool.unsent_bytes(),
            dropped=dropped,
            last_error=self.last_error,
            directory=self.spool.directory,
        )


def obtain(settings: Settings) -> Client:
    """Return this process's client for a collector, made at the first call."""
    key = (settings.url, settings.key, str(settings.spool_dir))
    with _lock:
        client = _clients.get(key)
        if client is None:
            client = _clients[key] = Client(settings)
            if len(_clients) == 1:
                atexit.register(shutdown)
        return client


def all_clients() -> list[Client]:
    """Return the clients of this process."""
    return list(_clients.values())


def shutdown() -> None:
    """Deliver what is left and close all clients; called at the end of the process."""
    if "pylogtap.process.sending" in sys.modules:
        sys.modules["pylogtap.process.sending"].end()
    with _lock:
        clients = list(_clients.values())
        _clients.clear()
    for client in clients:
        client.shutdown()


def measure_process(client: Client, prefix: Prefix, settings: Settings) -> None:
    """
    Measure this process from now on, or no longer, as the settings say.

    Args:
        client: Delivers what is measured.
        prefix: The process's place.
        settings: Whether, and how often.

    Raises:
        SettingsError: psutil is not installed.
    """
    if settings.process_metrics:
        from pylogtap.process.sending import begin  # noqa: PLC0415 - only where it is switched on

        begin(client.spool, prefix, settings.process_metrics_interval_s)
    elif "pylogtap.process.sending" in sys.modules:
        sys.modules["pylogtap.process.sending"].end(last=False)


def destination_directory(settings: Settings) -> str:
    """
    Return the directory for one collector's records, made if it is missing.

    Each collector has its own, so that what a dead process left for one is never delivered to another.

    Raises:
        OSError: It cannot be made.
    """
    base = settings.spool_dir or default_spool_dir()
    directory = os.path.join(base, hashlib.sha256(settings.url.encode()).hexdigest()[:12])
    os.makedirs(directory, mode=0o700, exist_ok=True)
    name = os.path.join(directory, DESTINATION_FILE)
    if not os.path.exists(name):
        with open(name, "w", encoding="utf-8") as file:
            file.write(settings.url + "\n")
    return directory


def drain(settings: Settings | None = None) -> DrainReport:
    """
    Deliver what dead processes left for a collector, now and in this thread.

    Args:
        settings: Which collector, and where the spool stands.
    """
    from pylogtap.shipper import deliver_orphans  # noqa: PLC0415 - as in start
    from pylogtap.transport import Transport  # noqa: PLC0415

    settings = settings or load()
    directory = destination_directory(settings)
    own = frozenset(client.spool.stem for client in all_clients())
    faults: list[str] = []
    transport = Transport(settings.url, settings.key, __version__)
    try:
        report = deliver_orphans(directory, own, transport, faults.append)
    finally:
        transport.close()
    if faults:
        client = obtain(settings)
        for text in faults:
            client.report_fault(text)
        client.flush(settings.exit_timeout_s, give_up_early=True)
    return report


def prefix_of(settings: Settings, prefix: str | Prefix | None) -> Prefix:
    """Return the place of a handler or logger: its own, or the process's."""
    if isinstance(prefix, Prefix):
        return prefix
    return find_prefix(prefix or settings.prefix, os.environ)
