"""Whole images of a field of three dimensions, by one compiled program whatever their size."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from metainr.cameras import Rays, even_depths, pixel_rays
from metainr.devices import make_mesh, map_tasks, spread_tasks
from metainr.numerics import default_chunk_size
from metainr.types import Array, Device, Params

_BLOCK_POINTS = 2**16  # evaluations per call of the compiled program, which costs about 0.1 ms
_FORWARD_ONLY = 2  # times the points of a gradient's chunk, whose activations are kept

Render = Callable[[Params, Array, Array, Array, int, int], Any]
"""`(params, pose [3, 4], inverse_intrinsics [3, 3], bounds [2], height, width)` -> a pytree of
arrays [height, width, ...]."""


class Camera(NamedTuple):
    """One view: pose [3, 4], inverse intrinsics [3, 3] and bounds (near, far) [2]."""

    pose: Array
    inverse_intrinsics: Array
    bounds: Array


def make_render(
    apply: Callable[[Params, Array], Array],
    composite: Callable[[Array, Array], Any],
    num_samples: int,
    chunk_size: int | None = None,
    devices: Sequence[Device] | None = None,
) -> Render:
    """Builds what renders an image of a field, with evenly spaced depths on every pixel's ray.

    Called with arrays, it sends block after block of pixels through one compiled program, whatever
    the image's size, and gives arrays of NumPy. Within `jit` or `vmap` it is a loop over chunks on
    one device.

    Args:
        apply: `(params, coords [n, 3]) -> features [n, c]`.
        composite: (features [n, s, c], depths [n, s]) -> a pytree of arrays [n, ...].
        num_samples: s, depths per ray.
        chunk_size: evaluations at a time; None: what suits the machine and the widest layer.
        devices: to divide the rays over; None: the first one alone.
    """
    num_devices = len(devices) if devices else 1
    mesh = make_mesh(num_devices, devices) if devices else None

    def chunk(params, camera, width, numbers):
        rays = numbered_rays(camera, width, numbers)
        depths = even_depths(rays.bounds, num_samples)
        coords = rays.origins[:, None] + depths[..., None] * rays.directions[:, None]
        # Products of more than two dimensions leave the fast path of XLA:CPU.
        features = apply(params, coords.reshape(-1, 3))
        return composite(features.reshape(*depths.shape, -1), depths)

    block = jax.jit(spread_tasks(chunk, mesh, num_shared=3, microbatch=1))

    def render(params, pose, inverse_intrinsics, bounds, height, width):
        camera = Camera(pose, inverse_intrinsics, bounds)
        rays = max(1, (chunk_size or chunk_size_for(params)) // num_samples)
        chunks = num_devices * max(1, _BLOCK_POINTS // (rays * num_samples))
        if any(isinstance(x, Tracer) for x in jax.tree.leaves((params, camera))):
            numbers = padded_numbers(height * width, rays)
            found = map_tasks(lambda x: chunk(params, camera, width, x), numbers, microbatch=1)
        else:
            blocks = padded_numbers(height * width, chunks * rays).reshape(-1, chunks, rays)
            parts = [block(params, camera, width, numbers) for numbers in blocks]
            found = jax.tree.map(lambda *x: np.concatenate(x), *parts)
        return jax.tree.map(lambda x: as_image(x.reshape(-1, *x.shape[2:]), height, width), found)

    return render


def chunk_size_for(params: Params) -> int:
    """Evaluations at a time that suit the machine and the widest layer of these weights."""
    widest = max(leaf.shape[-1] for leaf in jax.tree.leaves(params) if leaf.ndim)
    return _FORWARD_ONLY * default_chunk_size(widest)


def numbered_rays(camera: Camera, width: int | Array, numbers: Array) -> Rays:
    """The rays of pixels [n] that are counted row by row in an image `width` pixels wide."""
    pixels = jnp.stack([numbers // width, numbers % width], axis=-1).astype(jnp.float32)
    one = Camera(*(x[None] for x in camera))
    return pixel_rays(*one, pixels)


def padded_numbers(num: int, size: int) -> np.ndarray:
    """The numbers 0 … num − 1 in rows of `size`, the last one filled up with num − 1."""
    return np.minimum(np.arange(-(-num // size) * size, dtype=np.int32), num - 1).reshape(-1, size)


def as_image(rows: Array, height: int, width: int) -> Array:
    """Rows of pixels [≥ height · width, ...], counted row by row, as [height, width, ...]."""
    return rows[: height * width].reshape(height, width, *rows.shape[1:])
