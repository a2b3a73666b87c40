"""The fixture of the fault tests that notes what was seen of a promise."""

from __future__ import annotations

from tests.faults.conftest import saw

__all__ = ["saw"]
