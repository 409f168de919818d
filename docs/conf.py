"""How Sphinx builds the site: python -m sphinx -W docs site."""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE.parent), str(_HERE / "extensions")]

project = "metainr"
author = "The metainr authors"
release = (_HERE.parent / "metainr" / "VERSION").read_text(encoding="utf-8").strip()
copyright = author

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "api_pages",
    "docstrings",
    "mathml",
    "tutorials",
]

# Pages: headings of three levels can be linked to, and formulas stand between dollars.
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"

# Notebooks are shown as they were kept; tests/notebook_test.py runs them.
nb_execution_mode = "off"
nb_merge_streams = True

# The library's own docstrings, which stand in the order of the source.
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False

# One look without the network: the theme brings all that it needs.
html_theme = "furo"
html_title = f"metainr {release}"
html_static_path = ["static"]
html_css_files = ["metainr.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
