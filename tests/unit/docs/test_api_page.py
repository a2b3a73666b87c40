"""What `import pylogtap` offers is documented, and its types are tried."""

from __future__ import annotations

import pytest

import pylogtap
from tests.support.documents import DOCS, ROOT

NAMES = [name for name in pylogtap.__all__ if name != "__version__"]


@pytest.mark.parametrize("name", NAMES)
def test_name(name: str) -> None:
    """Every public name is on the page about the Python API, and in the typed program that mypy reads."""
    page = (DOCS / "reference" / "python-api.md").read_text(encoding="utf-8")
    typed = (ROOT / "tests" / "typing" / "api.py").read_text(encoding="utf-8")
    assert f"pylogtap.{name}" in page
    assert f"pylogtap.{name}" in typed
