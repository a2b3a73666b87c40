"""Collectors that are down, slow, hanging, or something else: no program suffers, nothing is lost."""

from __future__ import annotations

import datetime as dt
import json
import re
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from pylogtap.client import drain
from pylogtap.settings import Settings
from pylogtap_collector.proofs import sinks
from pylogtap_collector.proofs.oracle import Verdict
from pylogtap_collector.proofs.records import judge_logs
from pylogtap_collector.proofs.sinks import Deaf, Nameserver, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pylogtap_collector.proofs.campaign import Campaign, Run
    from pylogtap_collector.proofs.daemon import CollectorProcess
    from tests.faults.conftest import MakeCampaign, Saw

EXIT_S = 2.0
NAMESERVER = "127.9.9.53"
MOST_RSS_MIB = 20
FAULTS: tuple[tuple[str, Callable[[sinks.Exchange], None]], ...] = (
    ("sink-down", sinks.hang_up),
    ("sink-slow", sinks.answer_late),
    ("sink-silent", sinks.say_nothing),
    ("sink-drips", sinks.drip),
    ("sink-cut-short", sinks.break_off),
    ("sink-nonsense", sinks.say_nonsense),
    ("sink-nonsense", sinks.lie),
    ("sink-nonsense", sinks.send_headers_without_end),
    ("sink-nonsense", sinks.send_body_without_end),
    ("sink-nonsense", sinks.ask_to_continue_without_end),
)
AUTHORITY, STRANGER = trustme.CA(), trustme.CA()
_ARRIVING_S = 120.0
_MIB = 1 << 20


def certificate(authority: trustme.CA, *, days: int = 1) -> ssl.SSLContext:
    """Return what a server shows that has a certificate of an authority, good for some days from now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    authority.issue_cert(
        "127.0.0.1", not_before=until - dt.timedelta(days=9), not_after=until
    ).configure_cert(context)
    return context


@dataclass
class Trial:
    """
    A program, and the sink that it has to do with.

    Attributes:
        key: The promise.
        sink: What stands where the collector should.
        run: The program.
        settings: How it delivers.
        rss: Its memory, in MiB: at its start, and before its end.
        exit_s: How long its end took.
        counters: At its end.
        errors: What it wrote to standard error.
        spooled: Bytes of its files, when it had ended.
    """

    key: str
    sink: Sink | Deaf
    run: Run
    settings: Settings
    rss: list[float] = field(default_factory=list)
    exit_s: float = 0.0
    counters: dict[str, Any] = field(default_factory=dict)
    errors: str = ""
    spooled: int = 0

    def look(self) -> None:
        """Note how much memory the program has."""
        status = Path(f"/proc/{self.run.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        self.rss.append(int(found[1]) / 1024)

    def end(self) -> None:
        """Ask the program to end, without a wait for delivery, and see how long that takes."""
        self.look()
        began = time.monotonic()
        output, self.errors = self.run.process.communicate("", timeout=60)
        self.exit_s = time.monotonic() - began
        assert self.run.process.returncode == 0, self.errors
        self.counters = json.loads(output.splitlines()[-1])
        assert self.settings.spool_dir
        files = [path.stat() for path in self.settings.spool_dir.rglob("*") if path.is_file()]
        self.spooled = sum(file.st_blocks * 512 for file in files if file.st_size > 4096)

    def recover(self, port: int, tls: ssl.SSLContext) -> None:
        """Have the collector where the sink was."""
        if isinstance(self.sink, Deaf):
            self.sink.close()
            self.sink = Sink(port, at=self.sink.port)
        self.sink.recover(tls if self.settings.url.startswith("https") else None)

    @property
    def dropped(self) -> int:
        """Records that the program has counted as dropped."""
        return sum(self.counters["dropped"].values())


class Trials:
    """Programs that run at the same time, each with a sink of its own."""

    def __init__(self, folder: Path, collector: CollectorProcess, campaign: Campaign) -> None:
        """Prepare."""
        self._folder, self._collector, self._campaign = folder, collector, campaign
        self.trusted = folder / "authority.pem"
        AUTHORITY.cert_pem.write_to_path(str(self.trusted))
        self.good = certificate(AUTHORITY)
        self.all: list[Trial] = []

    def begin(self, key: str, sink: Sink | Deaf, rate: int, most: int, url: str | None = None) -> Trial:
        """Start a program that delivers to a sink."""
        spool = self._folder / f"spool-{len(self.all)}"
        settings = Settings(url=url or sink.url, spool_dir=spool)
        self._campaign.environment |= {
            "PYLOGTAP_URL": settings.url,
            "PYLOGTAP_SPOOL_DIR": str(spool),
            "PYLOGTAP_SPOOL_MAX_BYTES": str(most),
            "SSL_CERT_FILE": str(self.trusted),
        }
        run = self._campaign.start("--rate", str(rate), "--flush-s", "0", threads=2)
        trial = Trial(key, sink, run, settings)
        trial.look()
        self.all.append(trial)
        return trial

    def begin_all(self, rate: int, most: int) -> None:
        """Start one program for each fault."""
        port = self._collector.port
        for key, fault in FAULTS:
            self.begin(key, Sink(port, fault), rate, most)
        self.begin("sink-connect-hangs", Deaf(), rate, most)
        for context in (None, certificate(STRANGER), certificate(AUTHORITY, days=-1)):
            sink = Sink(port, sinks.hang_up, tls=context)
            self.begin("sink-tls", sink, rate, most, f"https://127.0.0.1:{sink.port}")

    def end(self) -> None:
        """End the programs, all at once, put collectors in the place of sinks, and deliver what is left."""
        with ThreadPoolExecutor(len(self.all)) as pool:
            list(pool.map(Trial.end, self.all))
        for trial in self.all:
            trial.recover(self._collector.port, self.good)
            report = drain(trial.settings)
            assert (report.left, report.set_aside) == (0, 0), (trial.key, report)

    def judge(self, trial: Trial) -> tuple[Verdict, int]:
        """Return what has arrived of a program, once all has, and how many it says that it has dropped."""
        obligations, deadline = trial.run.oracle.obligations(), time.monotonic() + _ARRIVING_S
        while True:
            shown = self._shown(trial.run.instance, deadline)
            notes = [log["attributes"]["dropped"] for log in shown if "dropped" in log["attributes"]]
            told = sum(sum(note.values()) for note in notes)
            verdict = judge_logs(obligations, [log for log in shown if "dropped" not in log["attributes"]])
            arrived = verdict.lost_count <= trial.dropped and told >= trial.dropped
            if arrived or time.monotonic() > deadline:
                return verdict, told
            time.sleep(0.2)

    def _shown(self, instance: str, deadline: float) -> list[dict[str, Any]]:
        while True:
            try:
                return list(self._collector.exported(f"instance:{instance}"))
            except OSError:  # too slow: it has just taken in what all programs had kept
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def close(self) -> None:
        """End the sinks."""
        for trial in self.all:
            trial.sink.close()


@pytest.fixture
def trials(
    tmp_path: Path,
    collector: CollectorProcess,
    make_campaign: MakeCampaign,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Trials]:
    """Return what starts programs, and ends their sinks."""
    made = Trials(tmp_path, collector, make_campaign())
    monkeypatch.setenv("SSL_CERT_FILE", str(made.trusted))
    yield made
    made.close()


@pytest.fixture
def nameserver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nameserver]:
    """Have Python start with a nameserver that never answers, in a mount namespace of its own."""
    try:
        made = Nameserver(NAMESERVER)
    except OSError as error:
        pytest.skip(f"no nameserver on {NAMESERVER}, port 53 ({error}): be root")
    (tmp_path / "resolv.conf").write_text(f"nameserver {NAMESERVER}\n")
    python = tmp_path / "python"
    python.write_text(
        f"#!/bin/sh\nexec unshare -m sh -c "
        f'\'mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec {sys.executable} "$@"\' sh "$@"\n'
    )
    python.chmod(0o755)
    tried = subprocess.run([python, "-c", ""], capture_output=True, text=True, check=False)
    if tried.returncode:
        made.close()
        pytest.skip(f"no mount namespace: {tried.stderr.strip()}: be root, with CAP_SYS_ADMIN")
    monkeypatch.setattr(sys, "executable", str(python))
    yield made
    made.close()


def figure_of(trials: list[Trial], verdict: Verdict) -> str:
    """Return what was seen of the programs of one promise."""
    grown = max(trial.rss[-1] - trial.rss[0] for trial in trials)
    dropped = sum(trial.dropped for trial in trials)
    return (
        f"{verdict.returned:,} calls, {dropped:,} dropped and told: {verdict}; "
        f"exit {max(trial.exit_s for trial in trials):.1f} s; RSS {max(0.0, grown):.1f} MiB more; "
        f"spool {max(trial.spooled for trial in trials) / _MIB:.1f} MiB"
    )


@pytest.mark.parametrize(
    ("seconds", "rate", "most"),
    [
        pytest.param(0.5, 400, 4 * _MIB, id="short"),
        pytest.param(40, 400, 3 * _MIB, id="long", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_any_sink(trials: Trials, saw: Saw, seed: int, seconds: float, rate: int, most: int) -> None:
    """
    Programs log while their collectors are down, hang, drip, lie; they end; then the collectors are there.

    What was not dropped and counted is stored once; in the long form there is more than a spool may hold.
    """
    trials.begin_all(rate, most)
    time.sleep(seconds)
    trials.end()
    for key in dict.fromkeys(trial.key for trial in trials.all):
        group, total = [trial for trial in trials.all if trial.key == key], Verdict()
        for trial in group:
            verdict, told = trials.judge(trial)
            assert told == trial.dropped
            verdict.lost_count -= trial.dropped
            total.add(verdict)
            assert trial.errors == ""
            assert trial.spooled <= most
            assert isinstance(trial.sink, Sink)
            assert trial.counters["accepted"] == sum(trial.run.oracle.obligations().values())
        in_time = all(trial.exit_s <= EXIT_S + 1 for trial in group)
        flat = all(trial.rss[-1] - trial.rss[0] < MOST_RSS_MIB for trial in group)
        kept = total.faults == 0 and (seconds < 1 or (in_time and flat))
        saw(key, figure_of(group, total), kept=kept)


def test_nameserver_that_never_answers(
    tmp_path: Path, collector: CollectorProcess, nameserver: Nameserver, make_campaign: MakeCampaign, saw: Saw
) -> None:
    """The look-up of the collector's name hangs: the program logs, and ends in time; later all is stored."""
    campaign = make_campaign()
    trials = Trials(tmp_path, collector, campaign)
    sink = Sink(collector.port)
    url = f"http://collector.faults.test:{sink.port}"
    trial = trials.begin("sink-dns-hangs", sink, 400, 4 * _MIB, url)
    time.sleep(0.5)
    trial.end()
    assert nameserver.asked > 0
    assert not sink.requests
    nameserver.answering = True
    campaign.drain()
    verdict, _ = trials.judge(trial)
    sink.close()
    assert (trial.errors, trial.dropped) == ("", 0)
    saw(trial.key, figure_of([trial], verdict), kept=verdict.faults == 0)
