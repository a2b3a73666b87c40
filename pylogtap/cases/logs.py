"""What tests log: sent under the run's prefix, each record with the case that was running."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pylogtap.handler import Handler
from pylogtap.settings import LEVELS

if TYPE_CHECKING:
    from pylogtap.client import Client
    from pylogtap.prefix import Prefix
    from pylogtap.settings import Settings


class CaseHandler(Handler):
    """Sends through the run's own client, unless the code under test sends to the same collector itself."""

    def __init__(self, client: Client, prefix: Prefix) -> None:
        """
        Bind a client.

        Args:
            client: Of the run.
            prefix: The run's place.
        """
        self._own = client
        self._root = logging.getLogger()
        super().__init__(prefix=prefix, url=client.settings.url, key=client.settings.key)

    def _obtain(self, settings: Settings) -> Client:
        del settings  # they are the client's
        return self._own

    def handle(self, record: logging.LogRecord) -> bool:
        """Keep a record, unless a handler of the code under test keeps it as well."""
        for other in self._root.handlers:
            if other is not self and isinstance(other, Handler):
                client = getattr(other, "client", None)
                if client is not None and client.settings.url == self._own.settings.url:
                    return True
        return super().handle(record)


class Logs:
    """Keeps the handler on the root logger while cases run, and only then."""

    def __init__(self, handler: CaseHandler, level: int | None) -> None:
        """
        Bind a handler.

        Args:
            handler: Gets what is logged.
            level: What the root logger's level is lowered to while a case runs; None: nothing.
        """
        self._handler, self._level = handler, level
        self._root = logging.getLogger()
        self._level_before: int | None = None

    def open(self) -> None:
        """Begin with a case."""
        self._root.addHandler(self._handler)
        if self._level is not None and self._root.level > self._level:
            self._level_before = self._root.level
            self._root.setLevel(self._level)

    def hold(self) -> None:
        """Come back where a configuration of the code under test has cleared the root logger's handlers."""
        if self._handler not in self._root.handlers:
            self._root.addHandler(self._handler)

    def close(self) -> None:
        """End with a case."""
        logging.Logger.removeHandler(self._root, self._handler)
        if self._level_before is not None:
            if self._root.level == self._level:  # else the code under test has chosen another one
                self._root.setLevel(self._level_before)
            self._level_before = None


def level_of(word: Any) -> int | None:
    """
    Read a level.

    Args:
        word: A name or a number; empty: none.

    Raises:
        ValueError: It is neither.
    """
    text = str(word or "").strip().upper()
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    if text not in LEVELS:
        raise ValueError(f"pylogtap_log_level {text!r}: say one of {', '.join(LEVELS)} or a number")
    return LEVELS[text]
