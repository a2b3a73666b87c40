"""Who may deliver to the ports of other protocols, which know nothing of sessions and hardly of keys."""

from __future__ import annotations

import ipaddress
import logging
import time
from typing import TYPE_CHECKING, Protocol

from pylogtap_collector.access.rights import Right
from pylogtap_collector.access.visitor import Visitor
from pylogtap_collector.settings import is_loopback

if TYPE_CHECKING:
    from pylogtap_collector.settings import Settings

_QUIET_S = 60.0  # between two lines of the log that say the same
_MOST_TOLD = 1_000

_log = logging.getLogger("pylogtap.collector")


class Guard(Protocol):
    """What is asked about visitors: :class:`pylogtap_collector.services.directory.Directory`."""

    def visitor(
        self, key: str | None, session: str | None, address: str, *, may_be_local: bool
    ) -> Visitor | None:
        """Return who asks; None where a key is shown that is not good."""

    def knows(self, visitor: Visitor) -> bool:
        """Tell whether somebody who was let in would be let in now."""


class Gate:
    """Lets in who may deliver, and says once a minute who may not."""

    def __init__(self, settings: Settings, directory: Guard) -> None:
        """
        Bind what it needs.

        Args:
            settings: Networks whose peers need no key.
            directory: Knows keys, and whether this machine's programs need any.
        """
        self._directory = directory
        self._networks = [ipaddress.ip_network(text) for text in settings.tap_networks]
        self._told: dict[str, tuple[float, int]] = {}

    def by_address(self, address: str) -> Visitor | None:
        """
        Return who delivers from an address; None: he has to show a key.

        Args:
            address: Of the peer.
        """
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return None
        mapped = getattr(found, "ipv4_mapped", None) or found
        if any(mapped in network for network in self._networks):
            return _deliverer("network", address)
        if not is_loopback(str(mapped)):
            return None
        visitor = self._directory.visitor(None, None, address, may_be_local=True)
        return visitor if visitor is not None and visitor.may_somewhere(Right.DELIVER) else None

    def by_key(self, key: str, address: str) -> Visitor | None:
        """
        Return who shows a key; None where it is not good for delivering.

        Args:
            key: That.
            address: Of the peer.
        """
        visitor = self._directory.visitor(key, None, address, may_be_local=False)
        return visitor if visitor is not None and visitor.may_somewhere(Right.DELIVER) else None

    @staticmethod
    def by_shared_key(address: str) -> Visitor:
        """
        Return who has shown that he knows the shared key of Fluent Forward.

        Args:
            address: Of the peer.
        """
        return _deliverer("forward_shared_key", address)

    def knows(self, visitor: Visitor) -> bool:
        """Tell whether somebody who was let in may still deliver."""
        return self._directory.knows(visitor)

    def warn(self, text: str) -> None:
        """
        Log what is wrong, unless it was logged within the last minute.

        Args:
            text: That; also what tells it from other things.
        """
        now = time.monotonic()
        since, unsaid = self._told.get(text, (-_QUIET_S, 0))
        if now - since < _QUIET_S:
            self._told[text] = since, unsaid + 1
            return
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told[text] = now, 0
        _log.warning("%s%s", text, f" ({unsaid} times more in the minute before)" if unsaid else "")


def _deliverer(name: str, address: str) -> Visitor:
    return Visitor("collector", name, address=address, everywhere=frozenset({Right.DELIVER}))
