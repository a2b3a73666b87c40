"""
Carry a test case from service to service, so that each stamps what it logs for it.

A request that is made while a case is active says so in its headers, by the hooks of :func:`instrument`; a
middleware of the service that gets it lets what it logs meanwhile belong to the case. Headers are W3C Trace
Context (https://www.w3.org/TR/trace-context/) and W3C Baggage (https://www.w3.org/TR/baggage/).

Nothing but the standard library is loaded here; a library's module is imported by who uses the library.
"""

from __future__ import annotations

from pylogtap.correlation.headers import incoming_case, outgoing_headers
from pylogtap.correlation.instruments import instrument, instrument_installed, uninstrument

__all__ = ["incoming_case", "instrument", "instrument_installed", "outgoing_headers", "uninstrument"]
