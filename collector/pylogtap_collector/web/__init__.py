"""The pages: one shell from a template, and the files it loads."""

from pylogtap_collector.web.pages import setup

__all__ = ["setup"]
