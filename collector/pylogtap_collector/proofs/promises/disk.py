"""What holds when the disk is full, read-only, damaged, or loses its power; and when clocks jump."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = ()
