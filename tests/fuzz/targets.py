"""All that is fuzzed, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.dialects import DIALECTS
from tests.fuzz.lines import LINES
from tests.fuzz.own import OWN
from tests.fuzz.streams import STREAMS

if TYPE_CHECKING:
    from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {each.name: each for each in (*OWN, *LINES, *DIALECTS, *STREAMS)}
