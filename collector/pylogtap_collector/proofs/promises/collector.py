"""What the collector holds to when it is killed, attacked, full, or its database is damaged."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = ()
