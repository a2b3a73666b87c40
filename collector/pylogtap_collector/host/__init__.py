"""The machine that the collector runs on, measured."""
