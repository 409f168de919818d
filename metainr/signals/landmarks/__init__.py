"""Landmarks, each photo of which is a signal: a generated one, and those of files."""

from metainr.signals.landmarks.colmap import colmap
from metainr.signals.landmarks.facade import facade
from metainr.signals.landmarks.options import LandmarkOptions
from metainr.signals.landmarks.phototourism import phototourism

__all__ = [
    "LandmarkOptions",
    "colmap",
    "facade",
    "phototourism",
]
