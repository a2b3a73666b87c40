"""What the collector does: plain classes with their collaborators as arguments. The API calls only these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pylogtap_collector.services.backup import Backup
    from pylogtap_collector.services.catalog import Catalog
    from pylogtap_collector.services.compactor import Compactor
    from pylogtap_collector.services.health import Health
    from pylogtap_collector.services.incidents import Incidents
    from pylogtap_collector.services.ingest import Ingest
    from pylogtap_collector.services.logs import Logs
    from pylogtap_collector.services.retention import Retention
    from pylogtap_collector.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """All services of one collector, and the settings it was started with."""

    settings: Settings
    ingest: Ingest
    logs: Logs
    catalog: Catalog
    health: Health
    backup: Backup
    incidents: Incidents
    compactor: Compactor
    retention: Retention
