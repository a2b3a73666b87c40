"""Routes for shippers that speak protocols of their own; docs/reference/http-api.md lists them."""

from __future__ import annotations

from pylogtap_collector.api.taps import bulk, loki, otlp, sentry, shipments

GROUPS = (otlp.routes, loki.routes, bulk.routes, shipments.routes, sentry.routes)

__all__ = ["GROUPS"]
