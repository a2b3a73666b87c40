"""The commands that the collector adds to `pylogtap`, found by their entry points in pyproject.toml."""
