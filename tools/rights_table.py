"""Write the table of docs/reference/rights.md from real attempts: `python -m tools.rights_table`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from pylogtap_collector.api import GROUPS
from tests.support.outcomes import outcomes
from tests.support.rights import VISITORS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "rights.md"
_HEAD = f"| operation | {' | '.join(VISITORS)} |\n"


def main() -> int:
    """Try everything as everybody, and write what happened; look at each line that has changed."""
    operations = [operation for group in GROUPS for operation in group.operations]
    found = asyncio.run(outcomes(operations))
    before, _, table = PAGE.read_text(encoding="utf-8").partition(_HEAD)
    _, _, after = table.partition("\n\n")
    rule = "|---" * (len(VISITORS) + 1) + "|"
    lines = [f"| `{name}` | {' | '.join(cells)} |" for name, cells in found.items()]
    text = "\n".join([f"{before}{_HEAD}{rule}", *lines]) + "\n" + (f"\n{after}" if after else "")
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
