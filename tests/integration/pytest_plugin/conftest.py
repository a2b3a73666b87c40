"""What the tests of the pytest plugin share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.told import SuiteRun

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def suite(tmp_path: Path) -> SuiteRun:
    """Return a suite without modules."""
    return SuiteRun(tmp_path)
