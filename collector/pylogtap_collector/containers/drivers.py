"""Where a container's log driver delivers to, and whether that is this very collector."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# by driver: its option, what counts without it, and the port that goes without saying
# (source: moby `daemon/logger/{fluentd,gelf,syslog}`)
_OPTIONS = {
    "fluentd": ("fluentd-address", "127.0.0.1:24224", 24224),
    "gelf": ("gelf-address", "", 0),
    "syslog": ("syslog-address", "", 514),
}
_ENGINE_NAMES = frozenset({"localhost", "host.docker.internal"})  # the machine that the engine runs on


def read_log_address(driver: str, options: Mapping[str, Any]) -> str:
    """
    Return where a log driver delivers to, as `HOST:PORT`; empty: to nothing on a network.

    Args:
        driver: Such as `fluentd`.
        options: That it was given.
    """
    if driver not in _OPTIONS:
        return ""
    name, default, usual = _OPTIONS[driver]
    text = str(options.get(name) or default)
    try:
        parts = urlsplit(text if "://" in text else f"tcp://{text}")
        port = parts.port or usual
    except ValueError:
        return ""
    if not text or parts.scheme.startswith("unix") or not port:
        return ""
    host = parts.hostname or "127.0.0.1"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def delivers_here(log_address: str, own_ports: Collection[int], engine_address: str) -> bool:
    """
    Tell whether a log driver delivers to a port of this program's.

    It is the engine that delivers, so that a loopback address is one of its machine.

    Args:
        log_address: As :func:`read_log_address` gives it.
        own_ports: On which this program takes what drivers deliver.
        engine_address: Of the engine.
    """
    if not log_address or not own_ports:
        return False
    parts, engine = urlsplit(f"tcp://{log_address}"), urlsplit(engine_address)
    host = parts.hostname or ""
    if parts.port not in own_ports:
        return False
    if host in _ENGINE_NAMES or _is_loopback(host):
        return engine.scheme == "unix" or _is_own(engine.hostname or "")
    return _is_own(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_own(host: str) -> bool:
    """Tell whether this machine has an address: only then can a socket be bound to it."""
    if host in {"localhost", socket.gethostname()}:
        return True
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except (ValueError, OSError):
        return False
    return True
