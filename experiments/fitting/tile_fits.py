"""Fits of pictures' tiles, each by a field of its own, as requests to `evaluation.streaming`."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh

from experiments.fitting.observed import Observed
from experiments.fitting.tiles import Tiling, cut, join
from metainr.evaluation.fitting import Score
from metainr.evaluation.streaming import Fit, Request, Stream, make_stream
from metainr.objectives import Samples, pixel_grid, squared_error
from metainr.types import Array, Field, Params, Task

SLOTS = 8
_DISPATCHED_PIXELS = 2**18  # per dispatch, over its slots and steps: a second or two on two cores


class PictureFit(NamedTuple):
    """The fits of a picture's tiles from one init, put together.

    picture: float32 [scale·h, scale·w, 3], after the last step; not clipped.
    psnr: in dB, float64 [steps + 1], of all "seen" and, if there are any, all "unseen" pixels.
    seconds: what the tiles took.
    """

    picture: np.ndarray
    psnr: dict[str, np.ndarray]
    seconds: float


def make_tile_stream(
    field: Field,
    side: int,
    inner_points: int,
    *,
    is_partial: bool,
    scale: int,
    slots: int = SLOTS,
    mesh: Mesh | None = None,
) -> Stream:
    """Builds the stream of fits of tiles [side, side], views being [scale·side, scale·side, 3].

    Metrics are the mean squared errors over a tile's "seen" and, if `is_partial`, its "unseen"
    pixels, each pixel's being the mean over channels; 0 where a tile has no such pixel.
    """
    coords = jnp.asarray(pixel_grid((side, side)))

    def full(params: Params, task: Task) -> dict[str, Array]:
        losses = squared_error(field.apply(params, coords), task.support.values)
        weights = {"seen": task.support.weights} | ({"unseen": task.query} if is_partial else {})
        return {kind: _mean(losses, weights[kind]) for kind in weights}

    def view(params: Params) -> Array:
        return _sampled(lambda x: field.apply(params, x), coords, side, scale)

    of_loss = None if is_partial or inner_points else lambda loss: {"seen": loss}
    return make_stream(
        Score(full, of_loss),
        view,
        slots=slots,
        steps_per_dispatch=max(1, _DISPATCHED_PIXELS // (slots * side**2)),
        mesh=mesh,
    )


def tile_requests(
    observed: Observed, tiling: Tiling, num_steps: int, first_number: int = 0
) -> Iterator[Request]:
    """A request for each tile, tagged with its index; padding repeats the border at weight 0.

    A tile without a seen pixel takes no step: it shows the init. Random draws of steps depend on
    `first_number` and the index.
    """
    values = cut(observed.values, tiling, mode="edge").reshape(-1, tiling.side**2, 3)
    seen, unseen = (
        cut(kind, tiling).reshape(len(values), -1).astype(np.float32)
        for kind in (observed.seen, ~observed.seen)
    )
    for index, (tile, weights, rest) in enumerate(zip(values, seen, unseen)):
        number = (first_number + index) % 2**32
        steps = num_steps if weights.any() else 0
        yield Request(index, Task(Samples(tile, weights), rest), number, steps)


def put_together(
    fits: Sequence[Fit], observed: Observed, tiling: Tiling, num_steps: int
) -> PictureFit:
    """The picture that its tiles' fits make, and its PSNR after every step."""
    errors = {}
    for kind, chosen in (("seen", observed.seen), ("unseen", ~observed.seen)):
        if chosen.any():
            rows = np.stack([_all_steps(fit.metrics[kind], num_steps) for fit in fits])
            counts = cut(chosen, tiling).sum(axis=(1, 2), dtype=np.float64)
            errors[kind] = counts @ rows / counts.sum()
    picture = join(np.stack([fit.view for fit in fits]), tiling)
    return PictureFit(
        picture,
        {kind: decibels(values) for kind, values in errors.items()},
        sum(fit.seconds for fit in fits),
    )


def decibels(mse: np.ndarray) -> np.ndarray:
    """PSNR in dB for a peak of 1; infinite for a perfect fit.

    As `metainr.evaluation.metrics.psnr_of_mse`, but in float64 and without asking the device, which
    is busy with other pictures.
    """
    with np.errstate(divide="ignore"):
        return -10 * np.log10(mse)


def divergence(fit: Fit) -> int | None:
    """The first step after which the fit is not finite, None if there is none."""
    finite = np.isfinite(list(fit.metrics.values())).all(axis=0)
    return None if finite.all() else int(np.argmin(finite))


def _mean(losses, weights):
    return jnp.sum(weights * losses) / jnp.maximum(jnp.sum(weights), 1)


def _all_steps(metrics, num_steps):
    """Metrics [num_steps + 1], also of a tile that took no step."""
    return np.broadcast_to(metrics, num_steps + 1) if len(metrics) == 1 else metrics


def _sampled(field: Callable[[Array], Array], coords: Array, side: int, scale: int) -> Array:
    """The field at (i, j)/(scale·side), as scale² shifted grids: [scale·side, scale·side, 3]."""
    if scale == 1:
        return field(coords).reshape(side, side, -1)
    shifts = pixel_grid((scale, scale)) / np.float32(side)
    values = lax.map(lambda shift: field(coords + shift[None]), jnp.asarray(shifts))
    grids = values.reshape(scale, scale, side, side, -1)
    return grids.transpose(2, 0, 3, 1, 4).reshape(scale * side, scale * side, -1)
