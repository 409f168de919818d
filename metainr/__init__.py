"""metainr: meta-learned initial weights for coordinate-based neural networks.

Start reading at `metainr.types`; the data path runs through the sub-packages
`signals → algorithms → training → evaluation → reporting`.
"""

from importlib import resources

__version__ = (resources.files(__name__) / "VERSION").read_text().strip()
