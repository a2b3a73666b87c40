"""
Log lines that survive the death of their process, stored once by a pylogtap collector.

::

    import pylogtap

    pylogtap.init("shop/checkout/web-1")
    logging.getLogger("pay").info("user %s paid %d cents", user, cents, extra={"order": 7})

Importing this loads nothing but this file; each name is loaded when it is first used.

PYTEST_DONT_REWRITE: pytest would otherwise complain where a program has imported this before it.
"""

__doc__ = __doc__ or "PYTEST_DONT_REWRITE"  # python -OO takes the text above away

TYPE_CHECKING = False  # type checkers know the name; importing typing would cost more than this file
if TYPE_CHECKING:
    from pylogtap.client import drain
    from pylogtap.context import bind, bound_fields, clear, unbind
    from pylogtap.counters import Stats
    from pylogtap.errors import PrefixError, PylogtapError, SettingsError
    from pylogtap.handler import Handler
    from pylogtap.logger import Logger, get_logger
    from pylogtap.prefix import Prefix
    from pylogtap.setup import emit, flush, init, shutdown, stats
    from pylogtap.structlog import structlog_processor
    from pylogtap.version import __version__

_HOMES = {
    "Handler": "handler",
    "Logger": "logger",
    "Prefix": "prefix",
    "PrefixError": "errors",
    "PylogtapError": "errors",
    "SettingsError": "errors",
    "Stats": "counters",
    "__version__": "version",
    "bind": "context",
    "bound_fields": "context",
    "clear": "context",
    "drain": "client",
    "emit": "setup",
    "flush": "setup",
    "get_logger": "logger",
    "init": "setup",
    "shutdown": "setup",
    "stats": "setup",
    "structlog_processor": "structlog",
    "unbind": "context",
}

__all__ = [
    "Handler",
    "Logger",
    "Prefix",
    "PrefixError",
    "PylogtapError",
    "SettingsError",
    "Stats",
    "__version__",
    "bind",
    "bound_fields",
    "clear",
    "drain",
    "emit",
    "flush",
    "get_logger",
    "init",
    "shutdown",
    "stats",
    "structlog_processor",
    "unbind",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'pylogtap' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - no work at import

    value: object = getattr(import_module(f"pylogtap.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
