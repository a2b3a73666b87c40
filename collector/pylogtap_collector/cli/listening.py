"""Settings from the command line, and what to say when a collector cannot listen or store."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pylogtap.cli.errors import Failed, WrongUsage
from pylogtap_collector.settings import BRAND, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_URL = "http://127.0.0.1:8270"
_WIDE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - recognised here, not listened on


def read_settings(**given: Any) -> Settings:
    """
    Make settings of options.

    Args:
        given: Options by name; None: not given.

    Raises:
        WrongUsage: They cannot be right.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise wrong_usage(error) from error


def wrong_usage(error: ValidationError) -> WrongUsage:
    """Say what is wrong with what was given, without repeating it: it may be a secret."""
    return WrongUsage("; ".join(_sentences(error)))


def _sentences(error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        name = ".".join(map(str, each["loc"]))
        text = each["msg"].removeprefix("Value error, ")
        if each["type"] == "too_short":
            text = f"it needs {each['ctx']['min_length']} characters or more"
        yield f"{name}: {text}" if name else text


def explain(error: OSError, settings: Settings) -> Failed:
    """
    Say why a collector cannot listen.

    Args:
        error: What the system said.
        settings: Where it was to listen.
    """
    place = f"{settings.host}:{settings.port}"
    scheme = "http" if settings.tls_certificate is None else "https"
    if error.errno == errno.EADDRINUSE:
        return Failed(
            f"{place} is taken by another program, perhaps by a collector that runs already",
            remedies=(
                f"look:               pylogtap doctor --url {scheme}://{place}",
                "take another port:  pylogtap serve --port 0",
            ),
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return Failed(
            f"{settings.host} is no address of this machine", remedies=("pylogtap serve --host 127.0.0.1",)
        )
    if error.errno == errno.EACCES:
        return Failed(
            f"this user may not listen on port {settings.port}", remedies=("pylogtap serve --port 8270",)
        )
    return Failed(f"the collector cannot listen on {place}: {error.strerror or error}")


def guards(settings: Settings) -> tuple[str, ...]:
    """Return what makes something to come in by, for a collector that has nothing yet."""
    program = "python3 -c 'import secrets; print(secrets.token_urlsafe(24))'"
    one_key = f"export PYLOGTAP_KEY=$({program})"
    if settings.memory:
        return (*_useless_key(), one_key)
    data = shlex.quote(str(settings.data.absolute()))
    return (
        *_useless_key(),
        f"an account:      pylogtap user add NAME --admin --data {data}",
        f"or a key:        pylogtap key add NAME --all-projects --role admin --data {data}",
        f"or one for all:  {one_key}",
    )


def _useless_key() -> tuple[str, ...]:
    """Say that a key of a program was given, where one was: it looks as if there were something."""
    given = (os.environ.get(name, "") for name in ("PYLOGTAP_COLLECTOR_KEY", "PYLOGTAP_KEY"))
    if not any(each.startswith(f"{BRAND}_") for each in given):
        return ()
    return (f"the key of the environment, {BRAND}_…, was made by a collector: it does not count for itself",)


def address_for_people(url: str) -> str:
    """Return an address that a browser on this machine can open: the loopback for `all addresses`."""
    scheme, _, rest = url.partition("://")
    host, _, port = rest.rpartition(":")
    return f"{scheme}://127.0.0.1:{port}" if host.strip("[]") in _WIDE else url


def log_to_stderr() -> None:
    """Show what the collector itself logs, from information upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("pylogtap.collector").setLevel(logging.INFO)
