"""Whether a service believes what a request says of a test case."""

from __future__ import annotations

from pylogtap.correlation.headers import case_in
from pylogtap.correlation.instruments import instrument_installed
from pylogtap.errors import SettingsError
from pylogtap.settings import load


class Reception:
    """
    What the middlewares share.

    Whoever can send a request can name a case. All that comes of it: what the service logs for this request,
    under the service's own prefix, carries 32 hex digits more, and goes the slower of the ways through our
    handler. Where even that is unwanted, it is switched off.
    """

    def __init__(self, *, trust: bool | None, forward: bool) -> None:
        """
        Choose.

        Args:
            trust: Believe the headers; None: as the setting `test_headers` says.
            forward: Also have the service's own requests carry the case, once the first case has come.
        """
        self._trust = trust
        self._forward = forward

    def case_in(self, baggage: str) -> str | None:
        """
        Return the case that a request belongs to.

        Args:
            baggage: Its `baggage` header; several of them with commas between.
        """
        case = case_in(baggage)
        if case is None:
            return None
        if self._trust is None:
            self._trust = _setting()
        if not self._trust:
            return None
        if self._forward:
            self._forward = False
            instrument_installed()
        return case


def _setting() -> bool:
    try:
        return load().test_headers
    except SettingsError:  # `init` says so; a request is not the place for it
        return False
