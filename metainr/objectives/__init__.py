"""Draws and losses: the parts that a `Term` of an objective is made of."""

from metainr.objectives.draws import Samples, all_points, output_of, random_points
from metainr.objectives.images import image_samples, image_task, pixel_grid
from metainr.objectives.losses import squared_error
from metainr.objectives.rays import random_rays, stratified
from metainr.objectives.rows import random_rows
from metainr.objectives.views import Sinogram, all_views, random_views

__all__ = [
    "Samples",
    "Sinogram",
    "all_points",
    "all_views",
    "image_samples",
    "image_task",
    "output_of",
    "pixel_grid",
    "random_points",
    "random_rays",
    "random_rows",
    "random_views",
    "squared_error",
    "stratified",
]
