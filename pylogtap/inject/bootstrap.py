"""First code of ours in a program under `run`, loaded by path: pylogtap may not be importable yet."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

HOMES = "PYLOGTAP_INJECT_HOMES"  # folders of pylogtap and msgpack, for a program of another environment
_OURS = frozenset({"pylogtap", "msgpack"})


class Finder:
    """Finds what the handler needs, and only that, where the program's own environment has none of it."""

    @staticmethod
    def find_spec(
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG004 - importlib's signature
        target: ModuleType | None = None,  # noqa: ARG004 - as above
    ) -> ModuleSpec | None:
        """Look for a package of ours."""
        if name not in _OURS:
            return None
        return PathFinder.find_spec(name, os.environ.get(HOMES, "").split(os.pathsep))


def begin(folder: str) -> None:
    """
    Hand over to the environment's own `sitecustomize`, then attach the handler.

    Args:
        folder: The one that stands on PYTHONPATH for us; it leaves `sys.path` again.
    """
    sys.path[:] = [each for each in sys.path if os.path.abspath(each) != folder]
    _run_own_sitecustomize()
    sys.meta_path.append(Finder)
    try:
        from pylogtap.inject.attach import attach

        attach()
    except Exception as error:  # noqa: BLE001 - the program must start, whatever we meet
        sys.stderr.write(f"pylogtap: the handler could not be attached, only output is kept: {error!r}\n")


def _run_own_sitecustomize() -> None:
    """Import the module that ours stands in front of, under its name."""
    spec = PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        return
    ours = sys.modules.get("sitecustomize")
    module = sys.modules["sitecustomize"] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception:  # noqa: BLE001 - whatever it is, it is not ours to stop the program for
        if ours is not None:
            sys.modules["sitecustomize"] = ours
        sys.excepthook(*sys.exc_info())  # Python would show it as well, and go on
