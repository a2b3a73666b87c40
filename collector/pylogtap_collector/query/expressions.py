"""Regular expressions of queries: RE2's, which take linear time for any pattern and text."""

from __future__ import annotations

from typing import Any

import re2

_QUIET = re2.Options()
_QUIET.log_errors = False
_QUIET.max_mem = 8 << 20


def compile_pattern(pattern: str) -> Any:
    """
    Return a compiled regular expression.

    Args:
        pattern: It.

    Raises:
        re2.error: It cannot be read.
    """
    return re2.compile(pattern, _QUIET)
