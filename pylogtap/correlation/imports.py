"""
Do something as soon as a module has been loaded, without loading it.

A finder in front of all others lets these find the module, and puts its own step behind the loader's
(https://docs.python.org/3/reference/import.html#the-meta-path).
"""

from __future__ import annotations

import logging
import sys
from importlib.abc import Loader
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_log = logging.getLogger("pylogtap.correlation")


def when_loaded(name: str, act: Callable[[str], None] | None) -> None:
    """
    Do something when a module has been loaded: now, where it has been.

    Args:
        name: Of the module.
        act: Gets the name; None: nothing any more.
    """
    if act is not None and _is_loaded(sys.modules.get(name)):
        act(name)
    elif act is not None:
        _finder.waiting[name] = act
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
    else:
        _finder.waiting.pop(name, None)
        if not _finder.waiting and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)


def _is_loaded(module: ModuleType | None) -> bool:
    return module is not None and not getattr(module.__spec__, "_initializing", False)


class _Finder:
    """Looks out for modules that somebody waits for."""

    def __init__(self) -> None:
        self.waiting: dict[str, Callable[[str], None]] = {}

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Find what the other finders find, with a step more behind its loading."""
        act = self.waiting.pop(fullname, None)
        if act is None:
            return None
        spec = find_spec(fullname)  # asks us again, and we no longer wait
        if spec is None or spec.loader is None:
            self.waiting[fullname] = act  # perhaps it is installed later
            return None
        spec.loader = _Loader(spec.loader, act)
        return spec


class _Loader(Loader):
    """A loader as it was, with a step more."""

    def __init__(self, loader: Any, act: Callable[[str], None]) -> None:
        self._loader, self._act = loader, act

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let the loader do it."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Load the module, leave it as if we had not been there, and take the step."""
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        try:
            self._act(module.__name__)
        except Exception:  # noqa: BLE001 - whoever imports the module has nothing to do with us
            _log.warning("cannot go along with the import of %s", module.__name__, exc_info=True)


_finder = _Finder()
