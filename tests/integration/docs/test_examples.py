"""The programs that README and how-to guides show run as they stand, and their records arrive."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.collector import running_collector
from tests.support.documents import blocks, documents

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.documents import Block

PROGRAMS = [
    block
    for document in (*documents("README.md"), *documents("docs/how-to/*.md"))
    for block in blocks(document, "python")
    if "import pylogtap" in block.text  # programs of other clients are tried in tests/integration/taps
]
CHECK = """
import pylogtap
assert pylogtap.flush(timeout_s=20), pylogtap.stats()
assert pylogtap.stats().shipped > 0, pylogtap.stats()
"""


def test_there_are_programs() -> None:
    """Python programs are found in the guides."""
    assert {"README.md", "docs/how-to/log-from-python.md"} <= {block.document for block in PROGRAMS}


@pytest.mark.parametrize("block", PROGRAMS, ids=lambda block: block.name)
async def test_program(block: Block, tmp_path: Path) -> None:
    """A program ends well, and what it has logged is stored."""
    program = tmp_path / "program.py"
    program.write_text(block.text + CHECK, encoding="utf-8")
    async with running_collector() as collector:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYLOGTAP")},
            "PYLOGTAP_URL": collector.url,
            "PYLOGTAP_SPOOL_DIR": str(tmp_path / "spool"),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(program), cwd=tmp_path, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
