"""What holds for input that nobody meant."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = ()
