"""What `pylogtap.testing` offers, and which runners are read, is documented."""

from __future__ import annotations

import pytest

from pylogtap import testing
from pylogtap.testing import fixtures
from pylogtap.text.runners import RUNNERS
from tests.support.documents import DOCS

FIXTURES = [name for name in vars(fixtures) if name.startswith(("captured_", "pylogtap_"))]


@pytest.mark.parametrize("name", [*testing.__all__, *(f"fixtures.{name}" for name in FIXTURES)])
def test_name(name: str) -> None:
    """Every name is on the page about the Python API, and every fixture in the guide."""
    assert f"pylogtap.testing.{name}" in (DOCS / "reference" / "python-api.md").read_text(encoding="utf-8")
    guide = (DOCS / "how-to" / "test-your-logging.md").read_text(encoding="utf-8")
    assert not name.startswith("fixtures.") or name.removeprefix("fixtures.") in guide


@pytest.mark.parametrize("runner", RUNNERS)
def test_runner(runner: str) -> None:
    """Every runner that can be named is in the guide and in the command's help."""
    from pylogtap.cli.run import run

    assert f"| `{runner}` |" in (DOCS / "how-to" / "parse-test-output.md").read_text(encoding="utf-8")
    assert any(runner in (option.help or "") for option in run.params if option.name == "tests")
