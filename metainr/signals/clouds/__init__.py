"""Classes of oriented point clouds: generated animals, and a user's meshes."""

from metainr.signals.clouds.animals import animals
from metainr.signals.clouds.cloud import Cloud, CloudOptions, oriented_distance, tangent_distance
from metainr.signals.clouds.meshes import mesh, mesh_folder

__all__ = [
    "Cloud",
    "CloudOptions",
    "animals",
    "mesh",
    "mesh_folder",
    "oriented_distance",
    "tangent_distance",
]
