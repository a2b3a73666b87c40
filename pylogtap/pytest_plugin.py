"""
The pytest plugin: options, and the switch. What it does when it is on stands in :mod:`pylogtap.cases`.

pytest imports this in every run of everybody who has pylogtap installed, so it imports nothing by itself.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost more than this file
if TYPE_CHECKING:
    import pytest

_SWITCHES = (  # options that show something instead of running tests
    "collectonly", "showfixtures", "show_fixtures_per_test", "markers", "cacheshow", "setupplan",
    "help", "version",
)  # fmt: skip
_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and the same in the ini file."""
    group = parser.getgroup("pylogtap", "test runs in a pylogtap collector")
    group.addoption(
        "--pylogtap", action="store_true", default=None, dest="pylogtap", help="tell a collector of this run"
    )
    group.addoption(
        "--no-pylogtap", action="store_false", dest="pylogtap", help="do not, whatever is set elsewhere"
    )
    group.addoption(
        "--pylogtap-prefix", metavar="PREFIX", help="where the run belongs: project/service/instance"
    )
    group.addoption(
        "--pylogtap-url", metavar="URL", help="the collector's address; default: http://127.0.0.1:8270"
    )
    group.addoption(
        "--pylogtap-log-level",
        metavar="LEVEL",
        help="also send what tests log from this level on: lowers the root logger's level while a test runs",
    )
    parser.addini("pylogtap", "tell a collector of each run: true or false", type="bool", default=False)
    parser.addini("pylogtap_prefix", "as --pylogtap-prefix")
    parser.addini("pylogtap_url", "as --pylogtap-url")
    parser.addini("pylogtap_log_level", "as --pylogtap-log-level")


def pytest_configure(config: pytest.Config) -> None:
    """Begin where it is switched on, and tests are going to run."""
    if not is_on(config):
        _say_if_unclear(config)
        return
    import sys  # noqa: PLC0415 - no work at import

    # pytest would rewrite the assertions of all our modules, which have none that anybody wants explained.
    path, hook = sys.meta_path[:], getattr(config.pluginmanager, "rewrite_hook", None)
    sys.meta_path[:] = [finder for finder in path if finder is not hook]
    try:
        from pylogtap.cases.session import begin  # noqa: PLC0415 - only where it is switched on

        begin(config)
    finally:
        sys.meta_path[:] = path


def is_on(config: pytest.Config) -> bool:
    """
    Tell whether a run is to be told of.

    The command line counts before the environment, and that before the ini file. A run within a test of
    another run, as tests of plugins start them, has to ask for it on its own command line.

    Args:
        config: Of the run.
    """
    if hasattr(config, "workerinput"):  # a process of pytest-xdist does as its controller
        return "pylogtap_run" in config.workerinput
    option = config.option
    if any(getattr(option, name, None) for name in _SWITCHES):
        return False
    if option.pylogtap is not None:
        return bool(option.pylogtap)
    from os import environ  # noqa: PLC0415 - no work at import

    if "PYTEST_CURRENT_TEST" in environ:
        return False
    told = environ.get("PYLOGTAP")
    return told.strip().lower() in _ON if told else bool(config.getini("pylogtap"))


def _say_if_unclear(config: pytest.Config) -> None:
    """Have the run say that nothing is told of it, where the environment's switch is neither on nor off."""
    from os import environ  # noqa: PLC0415 - no work at import

    told = environ.get("PYLOGTAP", "").strip().lower()
    if not told or told in _ON or told in _OFF or config.option.pylogtap is not None:
        return
    if hasattr(config, "workerinput") or "PYTEST_CURRENT_TEST" in environ:
        return
    from pylogtap.cases.silent import Silent  # noqa: PLC0415 - only where something is wrong

    why = f"PYLOGTAP={environ['PYLOGTAP']!r} is neither on ({_words(_ON)}) nor off ({_words(_OFF)})"
    config.pluginmanager.register(Silent(why), "pylogtap-silent")


def _words(switch: frozenset[str]) -> str:
    return ", ".join(sorted(switch))
