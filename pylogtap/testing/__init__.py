"""
For tests of programs that log: what was logged, and whether it was what should have been.

::

    from pylogtap.testing import capture_logs

    with capture_logs() as logs:
        pay(order)
    logs.assert_logged('level:error service:checkout "card declined"')

Only tests import this. The fixtures of :mod:`pylogtap.testing.fixtures` are there where a test suite asks for
them by ``pytest_plugins = ["pylogtap.testing.fixtures"]``.
"""

from pylogtap.testing.asserting import CollectorUnavailable
from pylogtap.testing.capturing import Captured, assert_logged, capture_logs
from pylogtap.testing.memory import MemoryCollector, memory_collector
from pylogtap.testing.records import Record

__all__ = [
    "Captured",
    "CollectorUnavailable",
    "MemoryCollector",
    "Record",
    "assert_logged",
    "capture_logs",
    "memory_collector",
]
