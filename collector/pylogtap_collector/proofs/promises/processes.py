"""What holds in processes that fork, in servers, in signal handlers, at the end of the interpreter."""

from __future__ import annotations

from pylogtap_collector.proofs.promises.promise import Promise

PROMISES: tuple[Promise, ...] = ()
