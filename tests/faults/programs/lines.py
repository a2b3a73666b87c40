"""What the programs of the fault tests log: numbered records, each of which can be checked by itself."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pylogtap
from pylogtap_collector.proofs.records import log_record

if TYPE_CHECKING:
    from pylogtap_collector.proofs.records import EventLogger


class Lines:
    """Logs by both kinds of loggers."""

    def __init__(self, prefix: str, standard: str = "faults") -> None:
        """
        Set logging up as an application does.

        Args:
            prefix: Of both kinds.
            standard: Name of the logger of the standard library.
        """
        pylogtap.init(prefix)
        self._standard = logging.getLogger(standard)
        self._own: EventLogger = pylogtap.get_logger(prefix)

    def log(self, writer: int, number: int) -> None:
        """Log one record."""
        log_record(self._standard, self._own, writer, number)

    def log_some(self, writer: int, count: int) -> None:
        """Log the first records of a writer."""
        for number in range(1, count + 1):
            self.log(writer, number)


def tell(what: Any) -> None:
    """Say something to whoever started this program."""
    print(json.dumps(what), file=sys.__stdout__, flush=True)
