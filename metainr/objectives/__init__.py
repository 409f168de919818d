"""Draws and losses: the parts that a `Term` of an objective is made of.

A new draw is one file and one line here.
"""

from collections.abc import Callable

from metainr.objectives.derivatives import zeros_at_random
from metainr.objectives.draws import Samples, all_points, output_of, random_points
from metainr.objectives.equations import at_border, at_start, in_window, with_source
from metainr.objectives.images import image_samples, image_task, pixel_grid
from metainr.objectives.losses import squared_error
from metainr.objectives.rays import random_rays, stratified
from metainr.objectives.rows import random_rows
from metainr.objectives.seen import Seen, first_half, first_units, halves, seen_points
from metainr.objectives.surfaces import cloud_points, distance_points
from metainr.objectives.views import Sinogram, all_views, random_views, some_views
from metainr.types import Draw

REGISTRY: dict[str, Callable[..., Draw]] = {
    "all_points": all_points,
    "random_points": random_points,
    "random_rows": random_rows,
    "output_of": output_of,
    "zeros_at_random": zeros_at_random,
    "random_rays": random_rays,
    "all_views": all_views,
    "random_views": random_views,
    "some_views": some_views,
    "seen_points": seen_points,
    "cloud_points": cloud_points,
    "distance_points": distance_points,
    "with_source": with_source,
    "in_window": in_window,
    "at_start": at_start,
    "at_border": at_border,
}

__all__ = [
    "REGISTRY",
    "Samples",
    "Seen",
    "Sinogram",
    "all_points",
    "all_views",
    "at_border",
    "at_start",
    "cloud_points",
    "distance_points",
    "first_half",
    "first_units",
    "halves",
    "image_samples",
    "image_task",
    "in_window",
    "output_of",
    "pixel_grid",
    "random_points",
    "random_rays",
    "random_rows",
    "random_views",
    "seen_points",
    "some_views",
    "squared_error",
    "stratified",
    "with_source",
    "zeros_at_random",
]
