"""Have clients of HTTP libraries carry the case, those of libraries that are loaded later as well."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

from pylogtap.correlation.imports import when_loaded
from pylogtap.errors import SettingsError

LIBRARIES = ("aiohttp", "httpx", "requests", "urllib3")


def instrument(*libraries: str) -> None:
    """
    Have every request of a library carry the case that is active where it is made. Idempotent.

    Clients that are there already are meant as well. Requests made while no case is active stay as they are.

    Args:
        libraries: Of `aiohttp`, `httpx`, `requests`, `urllib3`.

    Raises:
        SettingsError: We know no such library, or it is not installed.
    """
    for library in libraries:
        if library not in LIBRARIES:
            raise SettingsError(f"no client is known as {library!r}; there are: {', '.join(LIBRARIES)}")
        if library not in sys.modules and find_spec(library) is None:
            raise SettingsError(f"{library} is not installed; run: pip install {library}")
    for library in libraries:
        _switch_on(library)


def instrument_installed() -> None:
    """
    Have the requests of all libraries that we know carry the case. Idempotent.

    What is loaded already is instrumented now; the others right when the program loads them.
    """
    for library in LIBRARIES:
        when_loaded(library, _switch_on)


def uninstrument() -> None:
    """Leave the libraries as they were; what others have put around our hooks meanwhile stays."""
    for library in LIBRARIES:
        when_loaded(library, None)
        module = sys.modules.get(_home(library))
        if module is not None:
            module.uninstall()


def _switch_on(library: str) -> None:
    import_module(_home(library)).install()


def _home(library: str) -> str:
    return f"pylogtap.correlation.{library}"
