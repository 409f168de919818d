"""A scene to fit and to render: a chair of boxes, seen from all sides."""

from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from metainr.cameras import Views, look_at, opengl_inverse_intrinsics
from metainr.evaluation.render import make_render
from metainr.measurements import composite
from metainr.types import Array

_DISTANCE, _NEAR, _FAR = 4.0, 2.0, 6.0
_FOCAL = 1.39  # in image sides: an angle of view of 40°
_DENSE = 1e3  # raw densities within matter, and beyond it, negative
# Centre and half sides of seat, back and legs.
_BOXES = np.array(
    [
        [[0, 0, 0], [0.5, 0.5, 0.08]],
        [[0, 0.45, 0.5], [0.5, 0.06, 0.5]],
        *([[x, y, -0.4], [0.07, 0.07, 0.4]] for x in (-0.42, 0.42) for y in (-0.42, 0.42)),
    ],
    np.float32,
)


def make_views(num: int, side: int, samples: int, seed: int) -> Views:
    """Renders `num` views of side² pixels with that many samples a ray, from random places."""
    generator = np.random.default_rng(seed)
    eyes = generator.normal(size=(num, 3)) * (1, 1, 0.6)
    eyes *= _DISTANCE / np.linalg.norm(eyes, axis=1, keepdims=True)
    poses = np.stack([look_at(eye, [0, 0, 0]) for eye in eyes])
    inverse = opengl_inverse_intrinsics(_FOCAL * side, side, side)
    bounds = np.array([_NEAR, _FAR], np.float32)
    render = make_render(_chair, composite, samples, chunk_size=2**14)
    images = [render({}, pose, inverse, bounds, side, side).colours for pose in poses]
    return Views(
        np.stack(images),
        poses,
        np.repeat(inverse[None], num, 0),
        np.repeat(bounds[None], num, 0),
        np.repeat(np.array([[0, 0, side, side]], np.int32), num, 0),
    )


def cameras(views: Views) -> Iterator[tuple[Array, Array, Array]]:
    """Pose, inverse intrinsics and bounds of every view."""
    return zip(views.poses, views.inverse_intrinsics, views.bounds)


def _chair(params, coords):
    """Raw colours that vary with the place, and densities [n, 4] at coords [n, 3]."""
    centres, halves = _BOXES[None, :, 0], _BOXES[None, :, 1]
    within = jnp.all(jnp.abs(coords[:, None] - centres) < halves, axis=-1).any(axis=1)
    density = jnp.where(within, _DENSE, -_DENSE)[:, None]
    return jnp.concatenate([jnp.sin(4 * coords) - 0.5, density], axis=-1)
