"""The pages: shells from templates, and the files they load."""

from pylogtap_collector.web.pages import Pages

__all__ = ["Pages"]
