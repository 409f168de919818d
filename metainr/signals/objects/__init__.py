"""Classes of objects seen from all sides: generated furniture and cars, and renders from files."""

from metainr.signals.objects.generated import (
    MAKERS,
    cars,
    chairs,
    lamps,
    reading_chairs,
    transparent_views,
)
from metainr.signals.objects.nerf_folder import nerf_folder, one_scene
from metainr.signals.objects.options import ObjectOptions
from metainr.signals.objects.shapenet import shapenet

__all__ = [
    "MAKERS",
    "ObjectOptions",
    "cars",
    "chairs",
    "lamps",
    "nerf_folder",
    "one_scene",
    "reading_chairs",
    "shapenet",
    "transparent_views",
]
