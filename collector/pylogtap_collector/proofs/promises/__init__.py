"""What pylogtap promises, fault by fault: the rows of `docs/explanation/promises.md`."""

from __future__ import annotations

from pylogtap_collector.proofs.promises import calls, collector, disk, network, processes, readers
from pylogtap_collector.proofs.promises.promise import BROKE_OFF, Promise, Seen

SECTIONS: dict[str, tuple[Promise, ...]] = {
    "The application dies": calls.PROMISES,
    "Processes, servers, signals": processes.PROMISES,
    "The collector cannot be reached": network.PROMISES,
    "The disk, and what lies on it": disk.PROMISES,
    "The collector under attack, killed, and full": collector.PROMISES,
    "Bad input": readers.PROMISES,
}
PROMISES: dict[str, Promise] = {each.key: each for section in SECTIONS.values() for each in section}

__all__ = ["BROKE_OFF", "PROMISES", "SECTIONS", "Promise", "Seen"]
