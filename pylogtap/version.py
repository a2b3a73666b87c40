"""The version of this client, sent with each delivery."""

__version__ = "0.1.0"
