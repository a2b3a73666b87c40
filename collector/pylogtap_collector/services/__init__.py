"""What the collector does: plain classes with their collaborators as arguments. The API calls only these."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pylogtap_collector.taps.deltas import Deltas

if TYPE_CHECKING:
    from pylogtap_collector.services.additions import Additions
    from pylogtap_collector.services.audit import Audit
    from pylogtap_collector.services.backup import Backup
    from pylogtap_collector.services.catalog import Catalog
    from pylogtap_collector.services.compactor import Compactor
    from pylogtap_collector.services.containers import Containers
    from pylogtap_collector.services.directory import Directory
    from pylogtap_collector.services.forwards import Forwards
    from pylogtap_collector.services.health import Health
    from pylogtap_collector.services.incidents import Incidents
    from pylogtap_collector.services.ingest import Ingest
    from pylogtap_collector.services.intake import Intake
    from pylogtap_collector.services.keys import Keys
    from pylogtap_collector.services.logs import Logs
    from pylogtap_collector.services.members import Members
    from pylogtap_collector.services.metrics import Metrics
    from pylogtap_collector.services.notes import Notes
    from pylogtap_collector.services.preferences import Preferences
    from pylogtap_collector.services.retention import Retention
    from pylogtap_collector.services.searches import Searches
    from pylogtap_collector.services.sessions import Sessions
    from pylogtap_collector.services.test_cases import TestCases
    from pylogtap_collector.services.test_import import TestImport
    from pylogtap_collector.services.test_knowledge import TestKnowledge
    from pylogtap_collector.services.test_runs import TestRuns
    from pylogtap_collector.services.trials import Trials
    from pylogtap_collector.services.users import Users
    from pylogtap_collector.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """All services of one collector, and the settings it was started with."""

    settings: Settings
    ingest: Ingest
    intake: Intake
    logs: Logs
    catalog: Catalog
    health: Health
    backup: Backup
    incidents: Incidents
    compactor: Compactor
    retention: Retention
    notes: Notes
    metrics: Metrics
    directory: Directory
    users: Users
    sessions: Sessions
    keys: Keys
    members: Members
    audit: Audit
    preferences: Preferences
    trials: Trials
    searches: Searches
    forwards: Forwards
    containers: Containers
    additions: Additions
    test_runs: TestRuns
    test_import: TestImport
    test_cases: TestCases
    test_knowledge: TestKnowledge
    deltas: Deltas = field(default_factory=Deltas)
