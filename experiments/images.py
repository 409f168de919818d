"""What the experiments on images share: objectives, rendering and scores."""

import jax

from experiments.regression import Gradients, make_gradients
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr, psnr_of_mse, ssim
from metainr.numerics import Summation
from metainr.objectives import pixel_grid, random_points
from metainr.types import Array, Field, Params


def gradients(
    field: Field, shape: tuple[int, int], inner_points: int, summation: Summation
) -> Gradients:
    """Of the mean squared error over pixels; inner steps see `inner_points` of them (0: all)."""
    return make_gradients(field, pixel_grid(shape), inner_points, random_points, summation)


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
