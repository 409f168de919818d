"""Solids: watertight meshes as distances on a grid of [−1, 1)³, and GLBs of their surface."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jax.scipy.ndimage import map_coordinates

from experiments.signal_files.kind import Kind
from experiments.solids.meshes import write_mesh
from experiments.solids.shapes_pictures import coloured, shaded
from metainr.codec.codec import About
from metainr.codec.container import PLACED
from metainr.errors import UserError
from metainr.evaluation.surfaces import Triangles, level_surface
from metainr.media.meshes.surfaces import SUFFIXES
from metainr.runs.as_data.frames import Frame
from metainr.signals import Cloud, CloudOptions, oriented_distance
from metainr.signals.clouds.meshes import cloud_of_file

NAMES = ("solid", PLACED)
POINTS = 2**15
"""Of a surface, that distances are measured from."""

_PICTURE = 96  # pixels


def solids(frame: Frame | None) -> Kind:
    """The kind, as a frame has them; None: to write alone."""

    def of_signal(cloud: Cloud) -> np.ndarray:
        assert frame is not None
        coords = frame.grid(frame.shape)
        distances = oriented_distance(cloud.points, cloud.normals, coords)
        return frame.clipped(distances.astype(np.float32)).reshape(*frame.shape, 1)

    def read(path: Path):
        options = CloudOptions(POINTS, closed=True)
        cloud = cloud_of_file(path, options, np.random.default_rng(0))
        place = (*map(float, cloud.centre), float(cloud.scale))
        return of_signal(cloud), About(PLACED, place=place)

    def write(path, values, about):
        surface = surface_of(values)
        if not len(surface.faces):
            raise UserError(f"{path.name}: the field has no surface, and no mesh is written")
        *centre, scale = about.place or (0.0, 0.0, 0.0, 1.0)
        write_mesh(path, coloured(surface, np.array(centre), scale))

    return Kind(
        "mesh",
        frozenset(SUFFIXES),
        ".glb",
        read,
        of_signal=of_signal,
        told=lambda values: About(NAMES[0]),
        stored=lambda values, about: values,
        write=write,
        picture=_picture,
    )


def surface_of(values: np.ndarray) -> Triangles:
    """The surface of distances [n, n, n, 1] on a grid of [−1, 1)³; none if all are of one sign."""
    distances = np.asarray(values[..., 0], np.float64)
    if not (np.isfinite(distances).all() and distances.min() < 0 < distances.max()):
        return Triangles(np.empty((0, 3)), np.empty((0, 3), np.int64))
    found = level_surface(distances, 0.0)
    return found._replace(vertices=found.vertices * (2 / len(distances)) - 1)


def _picture(values):
    """Shaded, distances between the points of the grid being interpolated."""
    grid = jnp.nan_to_num(jnp.asarray(values[..., 0]), nan=1.0)

    def distance(coords):
        places = (coords.T + 1) * (len(grid) / 2)
        return map_coordinates(grid, list(places), order=1, mode="nearest")

    return shaded(distance, _PICTURE)
