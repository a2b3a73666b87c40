"""Not a package to import from: a folder that stands on PYTHONPATH, see :mod:`pylogtap.inject`."""
