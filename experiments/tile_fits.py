"""Fits of a picture's tiles, each by a field of its own from the same init.

Tiles go through a bounded number of slots, so that the memory of a fit does not grow with their
number; one compiled program per optimizer serves them all.
"""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from experiments import images
from experiments.observed import Observed
from experiments.problem import make_inner
from experiments.tiles import Tiling, cut
from metainr.evaluation.fitting import Contender, make_fitter
from metainr.evaluation.metrics import psnr_of_mse
from metainr.numerics import Summation, map_tasks
from metainr.objectives import Samples, pixel_grid, squared_error
from metainr.types import Field, Key, Params

_SLOTS = 8


class Tiles(NamedTuple):
    """What to fit, stacked: float32 values [tiles, n·n, 3], and weights 0 or 1 [tiles, n·n] of
    those pixels that a fit sees and of those that it does not; both are 0 at padding.
    """

    values: np.ndarray
    seen: np.ndarray
    unseen: np.ndarray


class TileFits(NamedTuple):
    """The fits of all tiles.

    squared_errors: float64 [2, steps + 1], summed over seen and over unseen pixels of all tiles,
        each pixel's being the mean over channels.
    pictures: float32 [tiles, scale·n, scale·n, 3], after the last step; not clipped.
    """

    squared_errors: np.ndarray
    pictures: np.ndarray


FitTiles = Callable[..., TileFits]


def stacked(observed: Observed, tiling: Tiling) -> Tiles:
    """A picture's tiles; padding repeats the picture's border at weight 0."""
    flat = (tiling.rows * tiling.columns, tiling.side**2)
    values = cut(observed.values, tiling, mode="edge").reshape(*flat, 3)
    kinds = (cut(kind, tiling).reshape(flat) for kind in (observed.seen, ~observed.seen))
    return Tiles(values, *(kind.astype(np.float32) for kind in kinds))


def psnr_by_kind(squared_errors: np.ndarray, seen: np.ndarray) -> dict[str, np.ndarray]:
    """PSNR in dB after each step, over all "seen" and, if there are any, all "unseen" pixels.

    squared_errors: [2, steps + 1], as `TileFits` has them; seen: bool [h, w].
    """
    counts = {"seen": seen.sum(), "unseen": (~seen).sum()}
    return {
        kind: np.asarray(psnr_of_mse(jnp.asarray(errors / counts[kind])), np.float64)
        for kind, errors in zip(counts, squared_errors)
        if counts[kind]
    }


def make_fit_tiles(field: Field, side: int, inner_points: int, summation: Summation) -> FitTiles:
    """Builds `fit(contender, tiles, key, num_steps, scale, keep) -> TileFits`.

    `keep(index, params)` is called with each tile's fitted weights. A tile without a seen pixel is
    not fitted and shows the init. A fit that diverges raises FloatingPointError, which says when.
    """
    coords = jnp.asarray(pixel_grid((side, side)))
    gradient = images.gradients(field, (side, side), inner_points, summation).inner
    make_fitter_once = functools.cache(lambda name: make_fitter(make_inner(gradient, name)))

    def squared_errors(params, samples, unseen):
        losses = squared_error(field.apply(params, coords), samples.values)
        return jnp.stack([jnp.sum(samples.weights * losses), jnp.sum(unseen * losses)])

    measure = jax.jit(lambda *stacked: map_tasks(squared_errors, *stacked))
    look = jax.jit(lambda params, x: map_tasks(lambda p: field.apply(p, x), params))

    def fit_block(contender, samples, unseen, keys, num_steps):
        """Stacked weights after the last step, and squared errors [num_steps + 1, slots, 2]."""
        fitter, rate = make_fitter_once(contender.optimizer), contender.learning_rate
        states = fitter.init(contender.meta_params, rate, len(keys))
        errors = [measure(fitter.params(states), samples, unseen)]
        for _ in range(num_steps):
            states, _ = fitter.advance(states, rate, samples, keys, 1)
            errors.append(measure(fitter.params(states), samples, unseen))
        return fitter.params(states), np.stack(errors)

    def fit(
        contender: Contender,
        tiles: Tiles,
        key: Key,
        num_steps: int,
        scale: int,
        keep: Callable[[int, Params], None],
    ) -> TileFits:
        num = len(tiles.values)
        keys = jax.random.split(key, num)
        totals = np.zeros((2, num_steps + 1))
        pictures = np.empty((num, scale * side, scale * side, 3), np.float32)
        for rows, slots, is_fitted in _blocks(tiles.seen.max(axis=1) > 0):
            samples = Samples(jnp.asarray(tiles.values[slots]), jnp.asarray(tiles.seen[slots]))
            count = num_steps if is_fitted else 0
            params, errors = fit_block(contender, samples, tiles.unseen[slots], keys[slots], count)
            _require_finite(errors)
            totals += errors[:, : len(rows)].sum(axis=1, dtype=np.float64).T
            pictures[rows] = _sampled(look, params, coords, side, scale)[: len(rows)]
            params = jax.tree.map(np.asarray, params)
            for slot, row in enumerate(rows):
                keep(int(row), jax.tree.map(lambda x, slot=slot: x[slot], params))
        return TileFits(totals, pictures)

    return fit


def _blocks(has_seen: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """The tiles in blocks of equal size: (tiles, the same padded by repetition, to be fitted)."""
    num_blocks = -(-len(has_seen) // _SLOTS)
    size = -(-len(has_seen) // num_blocks)
    groups = [(np.flatnonzero(has_seen), True), (np.flatnonzero(~has_seen), False)]
    with tqdm(total=len(has_seen), unit="tile", disable=None, leave=False) as progress:
        for group, is_fitted in groups:
            for begin in range(0, len(group), size):
                rows = group[begin : begin + size]
                yield rows, np.pad(rows, (0, size - len(rows)), mode="edge"), is_fitted
                progress.update(len(rows))


def _sampled(look, params, coords, side, scale):
    """The fields at (i, j)/(scale·n), as scale² shifted grids: [slots, scale·n, scale·n, 3]."""
    slots = jax.tree.leaves(params)[0].shape[0]
    picture = np.empty((slots, scale * side, scale * side, 3), np.float32)
    for i, j in np.ndindex(scale, scale):
        shift = np.array([[i, j]], np.float32) / np.float32(scale * side)
        values = np.asarray(look(params, coords + shift))
        picture[:, i::scale, j::scale] = values.reshape(slots, side, side, 3)
    return picture


def _require_finite(errors):
    finite = np.isfinite(errors).all(axis=(1, 2))
    if not finite.all():
        raise FloatingPointError(f"diverged at step {np.argmin(finite)}")
