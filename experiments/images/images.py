"""What the experiments on images share: objectives, rendering and scores."""

import jax
from absl import logging

from experiments.images.regression import objectives
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import has_no_ssim, picture_metrics, psnr_of_mse
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
    tell_of_ssim(shape[0])

    def full(params: Params, image: Array) -> dict[str, Array]:
        return picture_metrics(render(field, params, shape), image)

    of_loss = None if inner_points else jax.jit(lambda loss: {"psnr": psnr_of_mse(loss)})
    return Score(full, of_loss)


def tell_of_ssim(side: int) -> None:
    """Says, once in a program, that pictures are too small for SSIM, if they are."""
    if has_no_ssim(side):
        logging.log_first_n(
            logging.WARNING,
            "--resolution=%d is too small for SSIM, which is left out: give 11 or more for it",
            1,
            side,
        )
