"""How Sphinx builds the documentation: `nox -s docs`."""

from pylogtap.version import __version__

project = "pylogtap"
author = "The pylogtap authors"
copyright = author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
suppress_warnings = ["misc.highlighting_failure"]  # JSON lines are no JSON to the highlighter
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_use_ivar = True

html_theme = "furo"
html_title = "pylogtap"
html_static_path = ["_static"]
html_extra_path = ["reference/openapi.json"]
