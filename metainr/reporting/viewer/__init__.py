"""viewer.html: an object to turn, as a mesh and as pictures of it, in a page that loads nothing.

viewer_page(…)       the page
"""

from metainr.reporting.viewer.packing import Mesh
from metainr.reporting.viewer.page import Photographs, viewer_page

__all__ = ["Mesh", "Photographs", "viewer_page"]
