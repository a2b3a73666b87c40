"""All parts of a collector, made and wired; without the web server, which takes as long again to load."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from pylogtap_collector.access.vault import Vault
from pylogtap_collector.errors import DataDamaged, Overloaded, ReadOnly
from pylogtap_collector.outgoing.addresses import parse_allowed
from pylogtap_collector.outgoing.requests import Outgoing
from pylogtap_collector.services import Services
from pylogtap_collector.services.additions import Additions
from pylogtap_collector.services.adoption import adopt
from pylogtap_collector.services.assessor import Assessor
from pylogtap_collector.services.attempts import Attempts
from pylogtap_collector.services.audit import Audit
from pylogtap_collector.services.backup import Backup
from pylogtap_collector.services.bus import Bus
from pylogtap_collector.services.catalog import Catalog
from pylogtap_collector.services.compactor import Compactor
from pylogtap_collector.services.containers import Containers
from pylogtap_collector.services.counters import Counters
from pylogtap_collector.services.directory import Directory
from pylogtap_collector.services.forwarding import Forwarding
from pylogtap_collector.services.forwards import Forwards
from pylogtap_collector.services.health import Health
from pylogtap_collector.services.host import Host
from pylogtap_collector.services.incidents import Incidents
from pylogtap_collector.services.ingest import Hearers, Ingest
from pylogtap_collector.services.intake import Intake
from pylogtap_collector.services.keeper import Keeper
from pylogtap_collector.services.keys import Keys
from pylogtap_collector.services.logs import Logs
from pylogtap_collector.services.members import Members
from pylogtap_collector.services.metrics import Metrics
from pylogtap_collector.services.notes import Notes
from pylogtap_collector.services.passwords import Passwords
from pylogtap_collector.services.preferences import Preferences
from pylogtap_collector.services.reader import Reader
from pylogtap_collector.services.reserve import Reserve
from pylogtap_collector.services.retention import Retention
from pylogtap_collector.services.rewriter import Rewriter
from pylogtap_collector.services.roller import Roller
from pylogtap_collector.services.searches import Searches
from pylogtap_collector.services.sessions import Sessions
from pylogtap_collector.services.shippers import Shippers
from pylogtap_collector.services.tasks import Tasks
from pylogtap_collector.services.test_additions import TestAdditions
from pylogtap_collector.services.test_cases import TestCases
from pylogtap_collector.services.test_import import TestImport
from pylogtap_collector.services.test_knowledge import TestKnowledge
from pylogtap_collector.services.test_notice import TestNotice
from pylogtap_collector.services.test_runs import TestRuns
from pylogtap_collector.services.tidy import tidy
from pylogtap_collector.services.trials import Trials
from pylogtap_collector.services.users import Users
from pylogtap_collector.settings import KEY_FILE, LiveSettings
from pylogtap_collector.storage.connections import is_damage
from pylogtap_collector.storage.engine import Engine
from pylogtap_collector.storage.tiers import Tiers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pylogtap_collector.settings import Settings

_REMEMBER_S = 30.0  # how late the last use of a key or session is stored


class Collector:
    """
    All parts of a collector, wired, and at rest until :meth:`running`.

    Attributes:
        engine: The database.
        bus: What was committed just now.
        counters: What was counted.
        tasks: The background tasks.
        keeper: The one of them that seals records.
        roller: The one that packs samples of metrics.
        assessor: The one that compares test runs.
        directory: Who may come in.
        preferences: Settings that are changed while it runs.
        forwarding: Delivers to other systems.
        test_notice: Hears of what happened in test runs, and tells who looks at them.
        services: What the API calls.
    """

    def __init__(self, settings: Settings, shown: Path | None = None) -> None:
        """
        Make all parts.

        Args:
            settings: What the collector is told.
            shown: A database to show and not to change; None: that of the settings, to work with.
        """
        self._settings = settings
        self.engine = Engine(
            shown or (None if settings.memory else settings.database),
            read_only=shown is not None,
            readers=settings.readers,
            query_timeout_s=settings.query_timeout_s,
            queue_max=settings.queue_max_slices,
        )
        self.bus, self.counters, self.tasks = Bus(), Counters(), Tasks()
        lock = asyncio.Lock()
        tiers = Tiers(settings.cache_max_bytes)
        rewriter = Rewriter(self.engine, tiers, lock)
        reserve = Reserve(None if settings.memory or shown else settings.database, settings.reserve_bytes)
        self.keeper = Keeper(
            self.engine, tiers, self.bus, self.counters, lock, reserve, settings.recent_records
        )
        live = LiveSettings(settings)
        allowed = parse_allowed(settings.outgoing)
        vault, outgoing = _vault(settings, shown), Outgoing(allowed)
        self.preferences = preferences = Preferences(self.engine, live, vault, allowed)
        self.forwarding = Forwarding(self.engine, tiers, vault, outgoing)
        self.directory = directory = Directory(self.engine, settings)
        passwords, attempts = Passwords(), Attempts(time.monotonic)
        users = Users(directory, passwords, attempts)
        reader, backup = Reader(self.engine, self.keeper), Backup(self.engine)
        logs = Logs(self.engine, reader, tiers, rewriter, self.bus, live)
        metrics = Metrics(self.engine, settings, self.counters, reserve)
        self.roller = Roller(self.engine, live, reserve)
        shippers = Shippers(self.engine, tiers)
        self.test_notice = notice = TestNotice(self.counters)
        ingest = Ingest(
            self.engine, self.keeper, reserve, self.counters, live, preferences,
            Hearers(metrics.points, shippers, notice),
        )  # fmt: skip
        test_additions = TestAdditions(ingest)
        test_runs = TestRuns(self.engine, test_additions)
        test_cases = TestCases(self.engine, test_runs, test_additions, notice)
        self.assessor = Assessor(self.engine)
        notice.ended = self.assessor.notice
        intake = Intake(ingest, self.engine, preferences)
        self.services = Services(
            settings=settings,
            ingest=ingest,
            intake=intake,
            logs=logs,
            catalog=Catalog(self.engine, tiers, rewriter, directory),
            health=Health(self.engine, self.keeper, self.bus, self.tasks, self.counters),
            backup=backup,
            incidents=Incidents(self.engine, tiers, logs, backup),
            compactor=Compactor(self.engine, tiers, lock),
            retention=Retention(self.engine, tiers, rewriter, self.keeper, reserve, self.counters, live),
            notes=Notes(self.engine, tiers),
            metrics=metrics,
            directory=directory,
            users=users,
            sessions=Sessions(directory, users, passwords, attempts),
            keys=Keys(directory),
            members=Members(directory),
            audit=Audit(self.engine),
            searches=Searches(self.engine),
            additions=Additions(ingest),
            test_runs=test_runs,
            test_import=TestImport(self.engine, test_runs),
            test_cases=test_cases,
            test_knowledge=TestKnowledge(self.engine, test_runs, test_cases, self.assessor),
            preferences=preferences,
            trials=Trials(preferences, outgoing),
            forwards=Forwards(self.engine, vault, allowed, self.forwarding.notice),
            containers=Containers(settings, intake, metrics, shippers),
        )

    def reach_out(self, port: int) -> None:
        """
        Do from now on what only a collector does that serves: look for records, measure, deliver elsewhere.

        Commands that open a folder for a moment do none of it.

        Args:
            port: It listens on.
        """
        if self.engine.read_only:
            return
        settings, services = self._settings, self.services
        if settings.adopt:
            self.tasks.supervise("adopt", lambda: adopt(settings, port, self.directory.own_key))
        if settings.host_metrics:
            self.tasks.supervise("host", Host(settings, services.metrics).run)
        if settings.docker != "off":
            self.tasks.supervise("containers", services.containers.run)
        self.tasks.supervise("forward", self.forwarding.run)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Services]:
        """
        Open the database and run the background tasks while this lasts.

        Raises:
            DataUnusable: The data folder or the database cannot be used.
        """
        await self.engine.open()
        try:
            await self._load()
            if not self.engine.read_only:
                await asyncio.to_thread(self.services.backup.forget_unfinished)
                self.tasks.supervise("keep", self.keeper.run)
                self.tasks.supervise("remember", self._remember)
                self.tasks.supervise("retain", self.services.retention.run)
                self.tasks.supervise("roll", self.roller.run)
                self.tasks.supervise("assess", self.assessor.run)
                self.tasks.supervise(
                    "tidy", lambda: tidy(self.engine, self._settings.stream_days, self.keeper.is_calm)
                )
            yield self.services
        finally:
            await self.tasks.stop()
            await self._store_uses()
            await self.engine.close()

    async def _load(self) -> None:
        """
        Take up what is stored.

        Raises:
            DataDamaged: It cannot be read.
        """
        try:
            await self.directory.load()
            if not self.engine.read_only:
                await self.preferences.load()
            await self.keeper.recover()
        except Exception as error:
            if not is_damage(error):
                raise
            raise DataDamaged(f"the database {self.engine.path} is damaged: {error}") from error

    async def _remember(self) -> None:
        while True:
            await asyncio.sleep(_REMEMBER_S)
            await self.directory.remember()

    async def _store_uses(self) -> None:
        with suppress(Overloaded, ReadOnly):  # nothing that would be missed
            await self.directory.remember()


def _vault(settings: Settings, shown: Path | None) -> Vault:
    given = None if settings.secret_key is None else settings.secret_key.get_secret_value()
    return Vault.open(None if settings.memory or shown else settings.data / KEY_FILE, given)
