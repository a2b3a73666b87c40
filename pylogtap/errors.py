"""
What the client can raise. Never from a logging call: only where something is set up.

::

    PylogtapError
    ├── PrefixError      a prefix that cannot be one
    ├── SettingsError    a setting that cannot be read
    └── SpoolError       the spool cannot be used
        ├── SpoolFull    no room for another segment
        └── OtherVersion a segment that another version of this library reads
"""

from __future__ import annotations


class PylogtapError(Exception):
    """Something about pylogtap itself is set up wrongly."""


class PrefixError(PylogtapError, ValueError):
    """A text is not a prefix `project/service/instance`."""


class SettingsError(PylogtapError, ValueError):
    """A setting has a value that it cannot have."""


class SpoolError(PylogtapError):
    """The spool directory cannot be used."""


class SpoolFull(SpoolError):
    """The spool has reached its limit, or its disk is full."""


class OtherVersion(SpoolError):
    """A segment is of a format that another version of this library reads."""
