"""One collector as this process sees it: a spool, a writer, a shipper. Shared by all handlers and loggers."""

from __future__ import annotations

import atexit
import hashlib
import os
import sys
import threading
import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from pylogtap import context, notice, record, wire
from pylogtap.counters import Stats
from pylogtap.prefix import Prefix, find_prefix, host_name, program_name
from pylogtap.settings import Settings, default_spool_dir, load
from pylogtap.spool import MEMORY_BYTES, Spool
from pylogtap.version import __version__
from pylogtap.writer import Draft, Site, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pylogtap.shipper import DrainReport, Shipper

DESTINATION_FILE = "destination"

_clients: dict[tuple[str, str | None, str], Client] = {}
_lock = threading.Lock()
_ending: list[bool] = []  # not empty: the interpreter ends, and no thread may be started any more


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
        """Start the shipping thread, unless the interpreter ends: then others deliver."""
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
                report_damage=self._report_damage,
            )
        if not _ending:
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
            directory,
            self._opening,
            max_bytes=max_bytes,
            place=str(self.prefix),
            on_rotate=self._rotated,
            on_fork=self._forked,
            on_missing=lambda: destination_directory(self.settings),
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

    def _report_damage(self, report: DrainReport) -> None:
        """Log, once, that something of what dead processes have left cannot be delivered."""
        text = (
            f"pylogtap set {report.damaged} damaged files and {report.set_aside} unreadable pieces aside "
            f"of what ended programs had left in {self.spool.directory}; `pylogtap doctor` tells more"
        )
        prefix = str(self.prefix)
        site = Site(text, 0, 30, "pylogtap", "", prefix, 13, "warning", "", wire.STYLE_TEXT)
        self.emit(site, time.time_ns(), {"files": report.damaged, "pieces": report.set_aside}, {})

    def flush(self, timeout_s: float, *, give_up_early: bool = False) -> bool:
        """Deliver what has been logged so far; see :meth:`pylogtap.shipper.Shipper.flush`."""
        return self._shipper is None or self._shipper.flush(timeout_s, give_up_early=give_up_early)

    def adopt(self, timeout_s: float) -> bool:
        """Deliver what dead processes have left; see :meth:`pylogtap.shipper.Shipper.adopt`."""
        return self._shipper is None or self._shipper.adopt(timeout_s)

    def last_words(self) -> None:
        """Put what was dropped into the stream, and have all of it delivered: the process ends."""
        self.spool.tell_last_losses()
        if self._shipper is not None:
            self._shipper.wake()

    def shutdown(self) -> None:
        """Deliver what is left within the exit time, and close."""
        self.last_words()
        notice.tell_at_the_end(self.finish(time.monotonic() + self.settings.exit_timeout_s))

    def finish(self, deadline: float) -> list[str]:
        """
        Deliver what is left, and close. What stays undelivered is adopted later.

        Args:
            deadline: Until when, of the monotonic clock.

        Returns:
            What people have to know.
        """
        self.flush(max(0.0, deadline - time.monotonic()), give_up_early=True)
        left = self._told_of_what_is_left()
        if self._shipper is not None:
            self._shipper.stop()
        if "pylogtap.capture" in sys.modules:
            sys.modules["pylogtap.capture"].forget_faults()
        self.spool.close()
        return left

    def _tell_refusal(self, why: str) -> bool:
        """Say on standard error that the collector takes nothing from this program before somebody acts."""
        kept = f"kept in {self.spool.directory}" if self.spool.directory else "kept in memory"
        return notice.tell(
            f"{self.settings.url} does not take what this program logs: {why} "
            f"Until then it is {kept}; `pylogtap doctor` looks into it."
        )

    def _told_of_what_is_left(self) -> list[str]:
        """Return what is to be said at the end: what is lost; on a terminal also what waits."""
        if self.told:
            return []
        lost = self.spool.unsent_records(in_memory=True)
        kept = self.spool.unsent_records() - lost if notice.is_read() else 0  # counting them takes a while
        why = (self._shipper.last_error if self._shipper else None) or "not delivered in time"
        told = []
        if lost:
            reason = f"; {self.memory_reason}" if self.memory_reason else ""
            told.append(f"{_records(lost)} for {self.settings.url} are lost: {why}{reason}")
        if kept:
            where = f"wait in {self.spool.directory}: {why}; `pylogtap drain` delivers them"
            told.append(f"{_records(kept)} for {self.settings.url} {where}")
        return told

    @property
    def last_error(self) -> str | None:
        """Why the last attempt to deliver failed; None where it did not."""
        return self._shipper.last_error if self._shipper else None

    def stats(self) -> Stats:
        """Return what became of this process's records."""
        with self._shipper.counting if self._shipper else nullcontext():  # else some were counted twice
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


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"


def obtain(settings: Settings) -> Client:
    """Return this process's client for a collector, made at the first call."""
    key = (settings.url, settings.key, str(settings.spool_dir))
    with _lock:
        client = _clients.get(key)
        if client is None:
            client = _clients[key] = Client(settings)
            if len(_clients) == 1:
                atexit.register(_end)
        return client


def all_clients() -> list[Client]:
    """Return the clients of this process."""
    return list(_clients.values())


def _end() -> None:
    _ending.append(True)
    shutdown()


def shutdown() -> None:
    """Deliver what is left and close all clients; called at the end of the process."""
    if "pylogtap.process.sending" in sys.modules:
        sys.modules["pylogtap.process.sending"].end()
    with _lock:
        clients = list(_clients.values())
        _clients.clear()
    began, left = time.monotonic(), []
    for client in clients:
        client.last_words()
    for client in clients:  # their threads deliver at the same time: nobody waits for one after the other
        left += client.finish(began + client.settings.exit_timeout_s)
    notice.tell_at_the_end(left)


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
    if not os.path.exists(name) or not os.path.getsize(name):  # a full disk, or a power cut, left it empty
        draft = f"{name}.{os.getpid()}.tmp"  # so that nobody sees half of it
        try:
            with open(draft, "w", encoding="utf-8") as file:
                file.write(settings.url + "\n")
            os.replace(draft, name)
        except OSError:
            with suppress(OSError):
                os.unlink(draft)
            raise
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
