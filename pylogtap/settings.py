"""The client's settings: one table, each looked up as argument, environment, pyproject.toml, default."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pylogtap.errors import SettingsError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})
_SUFFIXES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SHORTEST_INTERVAL_S = 0.1
_process: dict[str, Any] = {}  # what pylogtap.init was given
LEVELS = {"NOTSET": 0, "DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50}


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How a process logs, and where to.

    Attributes:
        url: The collector's address.
        key: What proves to the collector that this process may deliver.
        prefix: `project/service/instance`; parts left out get defaults.
        spool_dir: Directory that holds what has not been delivered yet.
        spool_max_bytes: Most that one process may hold there.
        level: Least level that :func:`pylogtap.init` sets on the root logger, and our own loggers keep.
        disabled: Switch everything off: loggers work, nothing is kept or sent.
        console: `auto`: readable lines on a terminal; `on`; `off`.
        capture: Also log uncaught exceptions, unraisable errors, warnings and fatal signals.
        propagate: Carry the bound context into threads and executors.
        arguments: Send the arguments of the frame that raised, as short representations.
        redact: Further words that make a key secret, beside the built-in ones.
        test_headers: Let middlewares believe the test case that a request's headers name.
        flush_interval_s: Seconds between two deliveries.
        exit_timeout_s: Most that the end of the process may be delayed, in seconds.
        process_metrics: Also measure the process: CPU, memory, garbage collections, loops. Needs psutil.
        process_metrics_interval_s: Seconds between two samples of that.
    """

    url: str = "http://127.0.0.1:8270"
    key: str | None = None
    prefix: str | None = None
    spool_dir: Path | None = None
    spool_max_bytes: int = 64 << 20
    level: int = 20
    disabled: bool = False
    console: str = "auto"
    capture: bool = True
    propagate: bool = True
    arguments: bool = False
    redact: tuple[str, ...] = ()
    test_headers: bool = True
    flush_interval_s: float = 0.2
    exit_timeout_s: float = 2.0
    process_metrics: bool = False
    process_metrics_interval_s: float = 10.0


def remember(**given: Any) -> None:
    """
    Make settings the process's own: from now on they come right behind an argument.

    Args:
        given: Settings by name; None means: not given.

    Raises:
        SettingsError: A name is unknown, or a value cannot be read; then nothing is remembered.
    """
    load(**given)
    _process.clear()
    _process.update({name: value for name, value in given.items() if value is not None})


def load(**overrides: Any) -> Settings:
    """
    Read the settings.

    Args:
        overrides: Settings by name; None means: not given.

    Raises:
        SettingsError: A name is unknown, or a value cannot be read; the text says where it came from.
    """
    known = {field.name: field for field in fields(Settings)}
    unknown = overrides.keys() - known.keys()
    if unknown:
        raise SettingsError(f"unknown setting {min(unknown)!r}; there are: {', '.join(known)}")
    file = _file_table()
    values: dict[str, Any] = {}
    for name in known:
        for value, origin in (
            (overrides.get(name), f"argument {name}"),
            (_process.get(name), f"argument {name} of init"),
            (os.environ.get(f"PYLOGTAP_{name.upper()}"), f"environment variable PYLOGTAP_{name.upper()}"),
            (file.get(name), f"[tool.pylogtap] {name} in pyproject.toml"),
        ):
            if value is not None:
                values[name] = _converted(name, value, origin)
                break
    return Settings(**values)


def default_spool_dir() -> Path:
    """Return the directory of the spool where none is set: the user's state folder (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "pylogtap" / "spool"


def project_file() -> Path | None:
    """Return the nearest pyproject.toml at or above the working directory."""
    try:
        here = Path.cwd()
    except OSError:  # the working directory was deleted
        return None
    for folder in (here, *here.parents):
        candidate = folder / "pyproject.toml"
        if os.path.isfile(candidate):  # noqa: PTH113 - false where it may not be looked at; pathlib raises
            return candidate
    return None


def _file_table() -> dict[str, Any]:
    path = project_file()
    if path is None:
        return {}
    try:
        text = path.read_bytes()
    except OSError:
        return {}
    if b"tool.pylogtap" not in text:  # spares nearly everybody the import of a parser
        return {}
    import tomllib  # noqa: PLC0415 - only for those who have a table of ours

    try:
        tool = tomllib.loads(text.decode()).get("tool")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    table = tool.get("pylogtap", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: tool.pylogtap has to be a table, [tool.pylogtap]")
    return {str(name).replace("-", "_"): value for name, value in table.items()}


def _converted(name: str, value: Any, origin: str) -> Any:
    try:
        return _READERS.get(name, str)(value)
    except (ValueError, TypeError, AttributeError, OverflowError, RuntimeError) as error:
        raise SettingsError(f"{origin} = {value!r}: {error}") from error


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("say 1 or 0")


def _size(value: Any) -> int:
    text = str(value).strip().lower().removesuffix("b").removesuffix("i")
    factor = _SUFFIXES.get(text[-1:], 1)
    try:
        number = int(float(text.rstrip("kmg")) * factor)
    except (ValueError, OverflowError) as error:  # the latter: of infinity
        raise ValueError("write a number of bytes, or for example 64M") from error
    if number < 1 << 20:
        raise ValueError("at least 1 MiB, for example 64M")
    return number


def _level(value: Any) -> int:
    if isinstance(value, int):
        return value
    text = str(value).strip().upper()
    if text.isdecimal():
        return int(text)
    if text not in LEVELS:
        raise ValueError(f"say one of {', '.join(LEVELS)} or a number")
    return LEVELS[text]


def _console(value: Any) -> str:
    text = str(value).strip().lower()
    if text == "auto":
        return text
    return "on" if _boolean(text) else "off"


def _url(value: Any) -> str:
    text = str(value).strip().rstrip("/")
    if not text.startswith(("http://", "https://")):
        raise ValueError("begin with http:// or https://, for example http://127.0.0.1:8270")
    host = text.partition("://")[2].partition("/")[0].rpartition("@")[2]
    name, colon, port = host.rpartition(":") if not host.endswith("]") else (host, "", "")
    if not (name if colon else host) or (colon and not (port.isdecimal() and 0 < int(port) < 1 << 16)):
        raise ValueError("say http://HOST or http://HOST:PORT, for example http://127.0.0.1:8270")
    return text


def _seconds(value: Any) -> float:
    number = float(value)
    if not 0 <= number <= 3600:
        raise ValueError("say seconds between 0 and 3600")
    return number


def _interval(value: Any) -> float:
    number = float(value)
    if not _SHORTEST_INTERVAL_S <= number <= 3600:
        raise ValueError(f"say seconds between {_SHORTEST_INTERVAL_S} and 3600")
    return number


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.split(",")
    return tuple(str(word).strip() for word in value if str(word).strip())


_READERS: dict[str, Any] = {
    "url": _url,
    "spool_dir": lambda value: Path(value).expanduser(),
    "spool_max_bytes": _size,
    "level": _level,
    "disabled": _boolean,
    "console": _console,
    "capture": _boolean,
    "propagate": _boolean,
    "arguments": _boolean,
    "redact": _words,
    "test_headers": _boolean,
    "flush_interval_s": _seconds,
    "exit_timeout_s": _seconds,
    "process_metrics": _boolean,
    "process_metrics_interval_s": _interval,
}
