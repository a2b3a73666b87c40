"""
What `pylogtap run` puts into a Python program: our handler, without a line of code in the program.

A folder with a `sitecustomize` of ours goes to the front of PYTHONPATH; Python imports that module when it
starts, also in the program's Python children. :mod:`.attach` then works inside the program, while the
command keeps what the program prints. A Python that ignores the environment (-I, -E, -S) or is too old is
left alone: its output is kept all the same.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pylogtap.inject.bootstrap import HOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "path")


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """
    Return the environment of a program that is to get our handler.

    Args:
        given: The environment it would have without us.
    """
    paths = [FOLDER, *filter(None, [given.get("PYTHONPATH")])]
    homes = [_home("pylogtap"), _home("msgpack")]
    return {**given, "PYTHONPATH": os.pathsep.join(paths), HOMES: os.pathsep.join(homes)}


def _home(package: str) -> str:
    """Return the folder that holds a package."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return os.path.dirname(os.path.dirname(os.path.abspath(spec.origin)))
