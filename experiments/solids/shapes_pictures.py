"""Shaded pictures of solids from their signed distances, and their surfaces as files."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from absl import logging
from jax import lax

from experiments.solids.meshes import write_mesh
from metainr.evaluation.surfaces import Triangles, grid_coords, zero_level
from metainr.files import write_bytes
from metainr.reporting.viewer import Mesh, viewer_page
from metainr.types import Array, Field, Params

_SLAB = 2**12  # points at a time: more leave the processor's caches
_TOWARDS_CAMERA = np.array([0.4, -0.85, 0.4])
_HALF_WIDTH = 1.2  # of the picture: a cube of side 1.8 is seen whole
_REACH = 1.4  # of depths to both sides of the origin
_DEPTHS = 56
_STEP = 0.01  # of the differences that normals are made of
_COLOUR = (0.87, 0.79, 0.68)
_LIGHTS = ((np.array([-0.2, -0.7, 1.0]), 0.75), (np.array([1.0, -0.4, 0.1]), 0.25))
_AMBIENT = 0.15


def distances_at(field: Field, params: Params, coords: Array) -> Array:
    """What a field says at coords [n, 3], few at a time: [n]."""
    num = len(coords)
    size = min(_SLAB, num)
    padded = jnp.pad(jnp.asarray(coords), ((0, -num % size), (0, 0)), mode="edge")
    slabs = padded.reshape(-1, size, 3)
    return lax.map(lambda slab: field.apply(params, slab)[:, 0], slabs).reshape(-1)[:num]


def distance_grid(field: Field, params: Params, resolution: int) -> Array:
    """What a field says at `metainr.evaluation.surfaces.grid_coords`: [r, r, r]."""
    return distances_at(field, params, grid_coords(resolution)).reshape((resolution,) * 3)


def shaded(distance: Callable[[Array], Array], side: int) -> Array:
    """A picture [side, side, 3] of the surface in [−1, 1]³, seen from the side, front and above.

    Parallel rays; each ends where the distance is first negative, between two depths by linear
    interpolation. Two lights, white ground.

    Args:
        distance: coords [n, 3] -> signed distances [n], negative inside.
        side: of the picture, in pixels.
    """
    right, up, back = _camera()
    ticks = _HALF_WIDTH * (1 - (2 * np.arange(side, dtype=np.float32) + 1) / side)
    plane = (ticks[:, None, None] * up - ticks[None, :, None] * right).reshape(-1, 3)
    depths = np.linspace(_REACH, -_REACH, _DEPTHS, dtype=np.float32)
    coords = plane[:, None] + depths[:, None] * back
    values = distance(coords.reshape(-1, 3)).reshape(coords.shape[:2])
    # A field has learned nothing of what lies outside the box.
    values = jnp.where(np.abs(coords).max(axis=-1) <= 1, values, 1.0)
    inside = values < 0
    after = jnp.argmax(inside, axis=1)
    before = jnp.maximum(after - 1, 0)
    first, last = (jnp.take_along_axis(values, i[:, None], 1)[:, 0] for i in (before, after))
    share = jnp.clip(first / jnp.where(first > last, first - last, 1.0), 0, 1)
    depth = depths[0] + (before + share) * (depths[1] - depths[0])
    hits = plane + depth[:, None] * back[None]
    shade = _shading(_normals(distance, hits))
    picture = jnp.where(inside.any(axis=1)[:, None], shade[:, None] * jnp.array([_COLOUR]), 1.0)
    return picture.reshape(side, side, 3)


def write_surface(
    field: Field, params: Params, resolution: int, centre: Array, scale: Array, path: Path
) -> None:
    """Writes the surface of a field as `path`.ply, in the coordinates x / scale + centre, and a
    page to turn it as `path`.html.

    A field without one is told of in a line, and nothing is written.
    """
    surface = zero_level(np.asarray(distance_grid(field, params, resolution)))
    if not len(surface.faces):
        logging.warning("%s: the field has no surface yet, no mesh is written", path)
        return
    mesh = coloured(surface, centre, scale)
    write_mesh(f"{path}.ply", mesh)
    write_bytes(f"{path}.html", viewer_page("A shape", path.name, {}, mesh).encode())


def coloured(surface: Triangles, centre: Array, scale: Array | float) -> Mesh:
    """A surface in [−1, 1]³ as a mesh in the coordinates x / scale + centre, of one colour."""
    vertices = surface.vertices / float(scale) + np.asarray(centre, np.float64)
    colours = np.tile(np.round(255 * np.array(_COLOUR)).astype(np.uint8), (len(vertices), 1))
    return Mesh(vertices, surface.faces, colours)


def _camera():
    """Unit vectors to the right and up in the picture, and towards the camera."""
    back = _TOWARDS_CAMERA / np.linalg.norm(_TOWARDS_CAMERA)
    right = np.cross((0.0, 0.0, 1.0), back)
    right /= np.linalg.norm(right)
    return (axis.astype(np.float32) for axis in (right, np.cross(back, right), back))


def _normals(distance, coords):
    shifts = _STEP * np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    values = distance((coords[None] + shifts[:, None]).reshape(-1, 3)).reshape(2, 3, -1)
    slopes = (values[0] - values[1]).T
    return slopes / jnp.maximum(jnp.linalg.norm(slopes, axis=1, keepdims=True), 1e-9)


def _shading(normals):
    shade = _AMBIENT
    for towards, strength in _LIGHTS:
        towards = jnp.asarray(towards / np.linalg.norm(towards), normals.dtype)
        shade = shade + strength * jnp.maximum(normals @ towards, 0)
    return jnp.minimum(shade, 1.0)
