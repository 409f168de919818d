"""Classes of grey slices: generated heads, and a user's own."""

from metainr.signals.ct.options import SliceOptions
from metainr.signals.ct.phantoms import phantoms
from metainr.signals.ct.slices import slice_window, slices

__all__ = [
    "SliceOptions",
    "phantoms",
    "slice_window",
    "slices",
]
