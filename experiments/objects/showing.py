"""What a fitted object looks like: from cameras on a path, from all round, and as a surface."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import numpy as np

from experiments.config import Config
from experiments.objects.subject import Subject
from experiments.objects.turn_options import TurnOptions
from experiments.scenes.view_flags import REACH, ViewOptions
from experiments.solids.meshes import density_mesh
from metainr.camera_paths import spiral, tilted, turntable, upward
from metainr.errors import UserError
from metainr.evaluation.occupancy import make_find_occupancy
from metainr.evaluation.sparse_render import make_render_with_occupancy
from metainr.files import expanded
from metainr.measurements import Rendered, activate, composite
from metainr.media.cameras.pinhole import inverse_pinhole
from metainr.media.cameras.transforms import focal_and_centre, read_cameras
from metainr.reporting.samples import to_levels
from metainr.reporting.viewer import Mesh
from metainr.types import Field, Params

_ELEVATION = np.deg2rad(25)
_LOW, _HIGH, _TURNS = np.deg2rad(5), np.deg2rad(60), 2  # of a spiral
_GRID_ELEVATIONS, _GRID_COLUMNS = np.deg2rad([60, 25, 0]), 16
_NEAREST = 0.01  # depth at which a ray may begin
_SOLID = 0.5  # opacity from which a pixel has a depth


class Fitted(NamedTuple):
    """A fit of an object: the field, its weights, how it is rendered, and what it was fitted to."""

    field: Field
    params: Params
    config: Config[ViewOptions]
    subject: Subject


class Cameras(NamedTuple):
    """Cameras of one size, in the field's coordinates: poses [t, 3, 4] and K⁻¹ [t, 3, 3]."""

    poses: np.ndarray
    inverse_intrinsics: np.ndarray
    size: tuple[int, int]


Look = Callable[[Cameras], tuple[np.ndarray, np.ndarray]]
"""cameras -> pictures uint8 [t, h, w, 3], and depths [t, h, w] as `surface_depth` has them."""


def path_cameras(options: TurnOptions, subject: Subject) -> Cameras:
    """The cameras of the film. Raises UserError for a path that is neither known nor a file."""
    name, num = options.camera_path, options.frames
    if name not in ("orbit", "spiral"):
        return _cameras_of_file(name, options.side, subject)
    radius = _camera_distance(subject)
    found = (
        turntable(radius, _ELEVATION, num)
        if name == "orbit"
        else spiral(radius, _LOW, _HIGH, _TURNS, num)
    )
    return _round(found, options.side, subject)


def make_look(fitted: Fitted) -> Look:
    """What renders a fit from cameras."""
    field, params, config, subject = fitted
    own = config.own

    def density(features):
        return activate(features, own.density)[..., 3]

    reach = np.full(3, REACH, np.float32)
    occupancy = make_find_occupancy(field.apply, density)(params, -reach, reach)
    shade = partial(composite, background="white", density=own.density)
    render = make_render_with_occupancy(field.apply, shade, density, own.ray_samples)

    def look(cameras):
        pictures, depths = [], []
        for pose, inverse in zip(cameras.poses, cameras.inverse_intrinsics):
            bounds = _bounds_of(pose, subject)
            found = render(params, occupancy, pose, inverse, bounds, *cameras.size)
            pictures.append(to_levels(found.colours))
            depths.append(surface_depth(found, bounds[1]))
        return np.stack(pictures), np.stack(depths)

    return look


def surface_depth(rendered: Rendered, far: np.ndarray | float) -> np.ndarray:
    """Depths along the optical axis of what is there, NaN where most light passes through.

    The background is taken out of the mean depth D of a pixel of opacity A:
    (D − (1 − A) far) / A.
    """
    opacity = np.maximum(rendered.opacity, _SOLID)
    depth = (rendered.depth - (1 - opacity) * far) / opacity
    return np.where(rendered.opacity >= _SOLID, depth, np.nan).astype(np.float32)


def render_grid(look: Look, side: int, subject: Subject) -> np.ndarray:
    """Renders uint8 [3, 16, h, w, 3] from above, from the film's height and level, once round."""
    radius = _camera_distance(subject)
    rows = [turntable(radius, elevation, _GRID_COLUMNS) for elevation in _GRID_ELEVATIONS]
    return np.stack([look(_round(row, side, subject))[0] for row in rows])


def surface(fitted: Fitted, resolution: int, threshold: float) -> Mesh:
    """The surface at a density, in the cameras' own coordinates; see `density_mesh`."""
    field, params, config, subject = fitted
    reach = np.full(3, REACH)
    values = partial(_activated(field.apply, config.own.density), params)
    mesh = density_mesh(values, -reach, reach, resolution, threshold)
    return mesh._replace(vertices=subject.placement.back(mesh.vertices))


@lru_cache(maxsize=4)
def _activated(apply, density):
    """Compiled once for all weights, since fits are looked at again and again."""
    return jax.jit(lambda params, coords: activate(apply(params, coords), density))


def _camera_distance(subject: Subject) -> float:
    """Of the subject's cameras from the origin, on average."""
    return float(np.linalg.norm(subject.views.poses[:, :, 3], axis=1).mean())


def _bounds_of(pose: np.ndarray, subject: Subject) -> np.ndarray:
    """Near and far [2] of a camera: the subject's, moved by how much nearer or farther it is."""
    moved = np.linalg.norm(pose[:, 3]) - _camera_distance(subject)
    near, far = subject.views.bounds[0] + moved
    return np.array([max(near, _NEAREST), max(far, 2 * _NEAREST)], np.float32)


def _round(poses, side, subject):
    """Square pictures of poses about z, of the subject's lens, turned to where it has its top."""
    views = subject.views
    focal = side / max(views.images.shape[1:3]) / views.inverse_intrinsics[0, 0, 0]
    inverse = inverse_pinhole((focal, focal), (side / 2, side / 2))
    return Cameras(
        tilted(poses, upward(views.poses)), np.repeat(inverse[None], len(poses), 0), (side, side)
    )


def _cameras_of_file(name, side, subject):
    path = expanded(name)
    if not path.is_file():
        raise UserError(
            f"--camera_path={name} is neither orbit nor spiral nor a file; give one of them"
        )
    read = read_cameras(path)
    height, width = _size(name, read.lenses, side)
    inverse = [inverse_pinhole(*focal_and_centre(lens, height, width)) for lens in read.lenses]
    return Cameras(subject.placement.there(read.poses), np.stack(inverse), (height, width))


def _size(name, lenses: Sequence, side) -> tuple[int, int]:
    """Height and width of which the longer one is the side, in the proportions of the file."""
    sizes = {(lens.get("h"), lens.get("w")) for lens in lenses}
    if len(sizes) > 1:
        raise UserError(f"--camera_path={name} has pictures of several sizes; give all one w and h")
    (height, width), *_ = sizes
    if height is None or width is None:
        if any("fl_x" in lens for lens in lenses):
            raise UserError(f"--camera_path={name} has fl_x without w and h; add them")
        return side, side
    shrink = side / max(height, width)
    return max(2, round(height * shrink)), max(2, round(width * shrink))
