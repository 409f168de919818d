"""How fits to derivatives of pictures are measured and shown."""

import jax.numpy as jnp
import numpy as np
from PIL import Image

from experiments.config import RunOptions
from experiments.media.grids import original
from experiments.pde.poisson_pictures import column, maps_of_field, maps_of_image
from experiments.pde.supervision import Supervision
from metainr.evaluation.fitting import Score
from metainr.evaluation.metrics import picture_metrics
from metainr.objectives.derivatives import square_grid
from metainr.runs.problem import Setting, spread_steps
from metainr.types import Field

_COMPARED_AFTER = 10  # steps
_CAPTION = (
    "From top to bottom: the picture, its gradient (hue: direction, brightness: root of length) "
    "and its Laplacian (grey: 0), scaled as the target's."
)
_FREE = (
    " Derivatives leave a constant free: the mean error is taken off before anything is measured."
)


def make_setting(field: Field, way: Supervision, run: RunOptions) -> Setting:
    """Fits shown a picture in a way, after 0, 1, 2, 5, … steps; signals are [n, n, k] in [0, 1].

    Where the way leaves a constant free, the mean error is taken off before anything is measured.
    The recovered pictures are written as PNG files, with those that they should be.
    """
    shape = (run.resolution, run.resolution)

    def recovered(values, pictures):
        """Values in [0, 1], and the picture that they should be."""
        reference = way.reference(pictures)
        picture = (values + 1) / 2
        if way.free_constant:
            picture = picture - jnp.mean(picture - reference)
        return picture, reference

    def full(params, pictures):
        values = field.apply(params, square_grid(shape)).reshape(*shape, 1)
        return picture_metrics(*recovered(values, pictures))

    def view(params, pictures):
        maps = maps_of_field(field, params, shape)
        picture, reference = recovered(maps.values, pictures)
        return column(maps._replace(values=2 * picture - 1), maps_of_image(2 * reference - 1))

    def target(pictures):
        maps = maps_of_image(2 * way.reference(pictures) - 1)
        return column(maps, maps)

    def export(params, pictures, path):
        values = field.apply(params, square_grid(shape)).reshape(*shape, 1)
        found, reference = recovered(values, pictures)
        for file, picture in ((path, found), (original(path), reference)):
            levels = np.rint(255 * np.clip(picture[..., 0], 0, 1)).astype(np.uint8)
            Image.fromarray(levels).save(f"{file}.png")

    last = run.test_steps
    return Setting(
        make_task=way.make_task,
        objective=way.inner,
        steps=spread_steps(last),
        match_step=last if run.only_tests else min(_COMPARED_AFTER, last),
        score=Score(full, None),
        view=view,
        target=target,
        caption=_CAPTION + (_FREE if way.free_constant else ""),
        export=export,
    )
