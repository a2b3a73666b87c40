"""
The schema, as numbered steps; each is one transaction, and a database remembers which it has.

The steps are applied in the order in which they are imported here.
"""

from pylogtap_collector.storage.migrations import records
from pylogtap_collector.storage.migrations.records import INDEX_TASK
from pylogtap_collector.storage.migrations.steps import migrations

__all__ = ["INDEX_TASK", "migrations", "records"]
