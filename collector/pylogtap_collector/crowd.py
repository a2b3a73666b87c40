"""How many connections there are, and which of them goes where there are too many."""

from __future__ import annotations

import logging
import resource
import time
from collections import defaultdict
from typing import Protocol

_HEADERS_MAX = 16 << 20  # bytes of headers that are not complete, of all connections together
_SPARE = 200  # file descriptors that are left for files, other ports, and what is called
_MOST_FILES = 1 << 16
_QUIET_S = 60.0  # between two lines of the log that say the same

_log = logging.getLogger("pylogtap.collector")


class Guest(Protocol):
    """A connection."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done for it."""
        ...

    def give_up(self) -> None:
        """Close it at once."""
        ...


class Crowd:
    """
    All connections, those that wait at the door and those that are in.

    Where there is no room for one more, the one goes that has waited longest without a request; then, of
    those that are in, one for which nothing is done. Only where all are busy the new one is refused.
    """

    def __init__(self, most: int, most_each: int) -> None:
        """
        Expect nobody yet.

        Args:
            most: Connections at a time; fewer where the system allows fewer files.
            most_each: Of one address.
        """
        self._most = min(most, _files() - _SPARE)
        self._most_each = most_each
        self._at_door: dict[Guest, str] = {}  # the oldest first, as is each of these
        self._at_door_of: defaultdict[str, dict[Guest, None]] = defaultdict(dict)
        self._inside: dict[Guest, str] = {}
        self._inside_of: defaultdict[str, dict[Guest, None]] = defaultdict(dict)
        self._held: dict[Guest, int] = {}
        self._bytes = 0
        self._quiet_until = 0.0

    def __len__(self) -> int:
        return len(self._at_door) + len(self._inside)

    def admit(self, guest: Guest, address: str) -> bool:
        """
        Let a connection wait at the door.

        Args:
            guest: It.
            address: From where it comes.

        Returns:
            Whether there is room, perhaps because another one had to go.
        """
        at_door, inside = self._at_door_of[address], self._inside_of[address]
        if len(at_door) + len(inside) >= self._most_each and not self._make_room(at_door, inside):
            return False
        if len(self) >= self._most and not self._make_room(self._at_door, self._inside):
            return False
        self._at_door[guest] = address
        self._at_door_of[address][guest] = None
        return True

    def hold(self, guest: Guest, size: int) -> None:
        """
        Hear how much of a header is held for a connection; where all hold too much, those who do longest go.

        Args:
            guest: The connection.
            size: Bytes.
        """
        self._bytes += size - self._held.get(guest, 0)
        self._held[guest] = size
        while self._bytes > _HEADERS_MAX:
            self._dismiss(next(iter(self._held)))

    def enter(self, guest: Guest, inside: Guest) -> None:
        """
        Let a connection in.

        Args:
            guest: Who waited at the door.
            inside: Who goes on with it.
        """
        address = self._at_door[guest]
        self.leave(guest)
        self._inside[inside] = address
        self._inside_of[address][inside] = None

    def leave(self, guest: Guest) -> None:
        """Forget a connection; one that is not known, too."""
        self._bytes -= self._held.pop(guest, 0)
        for everybody, by_address in (
            (self._at_door, self._at_door_of),
            (self._inside, self._inside_of),
        ):
            address = everybody.pop(guest, None)
            if address is not None:
                by_address[address].pop(guest, None)
                if not by_address[address]:
                    del by_address[address]

    def _make_room(
        self, at_door: dict[Guest, str] | dict[Guest, None], inside: dict[Guest, str] | dict[Guest, None]
    ) -> bool:
        found = next(iter(at_door), None) or next((each for each in inside if each.is_idle), None)
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + _QUIET_S
            _log.warning(
                "too many connections: %d are open, and %d (%d from one address) is the limit; %s",
                *(len(self), self._most, self._most_each),
                "all are busy: new ones are refused"
                if found is None
                else "those that ask nothing are closed",
            )
        if found is None:
            return False
        self._dismiss(found)
        return True

    def _dismiss(self, guest: Guest) -> None:
        self.leave(guest)
        guest.give_up()


def _files() -> int:
    """Return how many files may be open; as many as the system lets us, if need be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft
