"""Runs when Python starts under `pylogtap run`; a Python too old for pylogtap must be able to read it too."""

import sys

if sys.version_info >= (3, 11):  # noqa: UP036 - whatever Python the program runs on
    import os
    from importlib.util import module_from_spec, spec_from_file_location

    _here = os.path.dirname(os.path.abspath(__file__))
    _spec = spec_from_file_location(
        "_pylogtap_bootstrap", os.path.join(os.path.dirname(_here), "bootstrap.py")
    )
    assert _spec is not None
    assert _spec.loader is not None
    _bootstrap = module_from_spec(_spec)
    _spec.loader.exec_module(_bootstrap)
    _bootstrap.begin(_here)
