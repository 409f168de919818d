"""What the experiments on images share: objectives, rendering and scores."""

from typing import NamedTuple

import jax

from experiments.problem import matching_gradient
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr, psnr_of_mse, ssim
from metainr.measurements import value
from metainr.numerics import Summation, objective_gradient
from metainr.numerics.flops import Points
from metainr.numerics.gradients import Gradient
from metainr.objectives import (
    all_points,
    pixel_grid,
    random_points,
    squared_error,
)
from metainr.types import Array, Field, Params, Term


class Gradients(NamedTuple):
    """The gradients of an image problem, with their points; see `experiments.problem.Problem`."""

    inner: Gradient
    query: Gradient
    matching: Gradient
    points: Points


def gradients(
    field: Field, shape: tuple[int, int], inner_points: int, summation: Summation
) -> Gradients:
    """Mean squared error over pixels; inner steps see `inner_points` random ones (0: all)."""
    coords = pixel_grid(shape)
    everything = all_points(coords)
    num_points = min(inner_points, len(coords)) or len(coords)
    subset = random_points(coords, num_points) if inner_points else everything

    def gradient(draw):
        objective = (Term(draw, value(), squared_error),)
        return objective_gradient(objective, field.apply, summation)

    matching = matching_gradient(field.apply, summation, dim=2)
    points = Points(num_points, len(coords))
    return Gradients(gradient(subset), gradient(everything), matching, points)


def render(field: Field, params: Params, shape: tuple[int, int]) -> Array:
    """The image [h, w, c] that a field stands for, not clipped."""
    return field.apply(params, pixel_grid(shape)).reshape(*shape, -1)


def score(field: Field, shape: tuple[int, int], inner_points: int) -> Score:
    """PSNR at every step, from the loss where that is over all pixels, and SSIM at the end."""

    def full(params: Params, image: Array) -> dict[str, Array]:
        picture = render(field, params, shape)
        return {"psnr": psnr(picture, image), "ssim": ssim(picture, image)}

    of_loss = None if inner_points else jax.jit(lambda loss: {"psnr": psnr_of_mse(loss)})
    return Score(full, of_loss)
