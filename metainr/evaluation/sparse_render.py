"""Whole images of a field that is asked only where there is matter, and light left to reach it."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from metainr.cameras import even_depths
from metainr.evaluation.occupancy import Occupancy, is_occupied
from metainr.evaluation.render import (
    Camera,
    as_image,
    chunk_size_for,
    numbered_rays,
    padded_numbers,
)
from metainr.numerics import map_over_chunks
from metainr.types import Array, Params

_BLOCK_RAYS = 2**14
_SAMPLES_PER_PASS = 8  # of every ray, before asking whether light is left
_LEAST_LIGHT = 1e-3
_EMPTY = -1e4  # a raw density that is 0 under every activation

SparseRender = Callable[[Params, Occupancy, Array, Array, Array, int, int], Any]
"""`(params, occupancy, pose, inverse_intrinsics, bounds, height, width)`; see `Render`."""


def make_render_with_occupancy(
    apply: Callable[[Params, Array], Array],
    composite: Callable[[Array, Array], Any],
    density: Callable[[Array], Array],
    num_samples: int,
    chunk_size: int | None = None,
    endless: bool = False,
) -> SparseRender:
    """Builds what `make_render` does, but asks the field in occupied cells alone.

    On each ray it goes from front to back, and stops where less than 1/1000 of the light is left.
    The rest counts as empty. Samples are gathered on the host, pass by pass, for programs of fixed
    sizes: it cannot be part of `jit`, and gives arrays of NumPy.

    Args:
        apply: `(params, coords [n, 3]) -> features [n, 4]`, the last one being the raw density.
        composite: (features [n, s, 4], depths [n, s]) -> a pytree of arrays [n, ...].
        density: features [n, 4] -> densities [n], as `composite` takes them.
        num_samples: s, evenly spaced depths per ray.
        chunk_size: evaluations at a time; None: what suits the machine and the widest layer.
        endless: whether the last sample's interval has no end, as where there is no background: it
            is opaque at any density, so that it is asked whatever the grid says.
    """

    @jax.jit
    def look_up(occupancy, camera, width, numbers):
        rays = numbered_rays(camera, width, numbers)
        depths = even_depths(rays.bounds, num_samples)
        coords = rays.origins[:, None] + depths[..., None] * rays.directions[:, None]
        occupied = is_occupied(occupancy, coords)
        return occupied.at[:, -1].set(True) if endless else occupied

    @jax.jit
    def evaluate(params, camera, width, numbers, samples):
        """Features, and σ δ, at one sample of each pixel."""
        rays = numbered_rays(camera, width, numbers)
        depths = even_depths(camera.bounds[None], num_samples)[0]
        coords = rays.origins + depths[samples][:, None] * rays.directions
        features = apply(params, coords)
        interval = (camera.bounds[1] - camera.bounds[0]) / max(1, num_samples - 1)
        return features, density(features) * interval

    @jax.jit
    def compose(camera, features):
        depths = even_depths(camera.bounds[None], num_samples)

        def chunk(rows):
            return composite(rows, jnp.broadcast_to(depths, rows.shape[:2]))

        return map_over_chunks(chunk, features, 256)

    def block(params, occupancy, camera, width, numbers):
        """What composite says of `_BLOCK_RAYS` pixels."""
        occupied = np.asarray(look_up(occupancy, camera, width, numbers))
        features = np.full((*occupied.shape, 4), _EMPTY, np.float32)
        size = chunk_size or chunk_size_for(params)
        thickness = np.zeros(len(numbers))
        for rays, samples in _passes(occupied):
            light = thickness[rays] < -np.log(_LEAST_LIGHT)
            rays, samples = rays[light], samples[light]
            if not len(rays):
                continue
            chunks = zip(_padded(rays, size), _padded(samples, size))
            parts = [evaluate(params, camera, width, numbers[r], s) for r, s in chunks]
            values, thick = (np.concatenate(x)[: len(rays)] for x in zip(*parts))
            features[rays, samples] = values
            thickness += np.bincount(rays, thick, len(numbers))
        return compose(camera, features)

    def render(params, occupancy, pose, inverse_intrinsics, bounds, height, width):
        camera = Camera(pose, inverse_intrinsics, bounds)
        blocks = padded_numbers(height * width, _BLOCK_RAYS)
        parts = [block(params, occupancy, camera, width, numbers) for numbers in blocks]
        return jax.tree.map(lambda *x: as_image(np.concatenate(x), height, width), *parts)

    return render


def _passes(occupied: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(ray, sample) numbers of the occupied [n, s], a few of each ray at a time, front first."""
    rays, samples = np.nonzero(occupied)
    counts = occupied.sum(axis=1)
    first = np.cumsum(counts) - counts
    passes = (np.arange(len(rays)) - first[rays]) // _SAMPLES_PER_PASS
    for number in range(passes.max(initial=-1) + 1):
        chosen = passes == number
        yield rays[chosen], samples[chosen]


def _padded(indices, size):
    """Indices in rows of `size`, the last one filled up with the last index."""
    return indices[padded_numbers(len(indices), size)]
