"""
The schema, as numbered steps; each is one transaction, and a database remembers which it has.

The steps are applied in the order of their numbers.
"""

from pylogtap_collector.storage.migrations import records  # isort: split

from pylogtap_collector.storage.migrations import access  # isort: split

from pylogtap_collector.storage.migrations import metrics  # isort: split

from pylogtap_collector.storage.migrations import settings  # isort: split

from pylogtap_collector.storage.migrations import samples  # isort: split

from pylogtap_collector.storage.migrations import intake  # isort: split

from pylogtap_collector.storage.migrations import forwards  # isort: split

from pylogtap_collector.storage.migrations import cases  # isort: split

from pylogtap_collector.storage.migrations import knowledge  # isort: split

from pylogtap_collector.storage.migrations import sizes
from pylogtap_collector.storage.migrations.records import INDEX_TASK
from pylogtap_collector.storage.migrations.steps import migrations

__all__ = [
    "INDEX_TASK",
    "access",
    "cases",
    "forwards",
    "intake",
    "knowledge",
    "metrics",
    "migrations",
    "records",
    "samples",
    "settings",
    "sizes",
]
