"""What the experiments on images share: objectives, rendering and scores."""

import jax

from experiments.regression import objectives
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import psnr, psnr_of_mse, ssim
from metainr.objectives import pixel_grid, random_points
from metainr.types import Array, Field, Objective, Params


def pixel_objectives(shape: tuple[int, int], inner_points: int) -> tuple[Objective, Objective]:
    """(inner, query): mean squared errors; inner steps see `inner_points` pixels (0: all)."""
    return objectives(pixel_grid(shape), inner_points, random_points)


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
