"""What the experiments on photographed scenes share: objectives, rendering, scores, pictures."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.config import RunOptions
from metainr.cameras import Views
from metainr.errors import UserError
from metainr.evaluation.metrics import picture_metrics
from metainr.evaluation.render import Render, make_render
from metainr.measurements import Rendered, activate, composite, rendering, value
from metainr.numerics import Summation
from metainr.objectives import random_rays, squared_error
from metainr.runs.problem import matching_objective
from metainr.signals.objects import MAKERS
from metainr.types import Array, Field, Objective, Params, SignalClass, Term

_POOLED = 32  # scenes that the mean init is fitted to


class Scenes(NamedTuple):
    """The objectives of a scene's problem, and what renders its views.

    render: (params, views) -> Rendered, its leaves [v, h, w, ...].
    """

    objective: Objective
    matching: Objective
    render: Callable[[Params, Views], Rendered]


def scenes(
    field: Field,
    num_rays: int,
    ray_samples: int,
    density: str,
    summation: Summation,
    background: str,
    reach: float,
) -> Scenes:
    """Mean squared error over `num_rays` random rays; the field's box is [−reach, reach]³.

    `ray_samples`: points on a ray; `density`: what makes densities of raw values.
    """
    measurement = rendering(background, density)
    draw = random_rays(num_rays, ray_samples)

    def activated(params, coords):
        return activate(field.apply(params, coords), density)

    activation = value()._replace(pool=lambda x, _: activate(x[:, 0], density))
    render = make_render(
        field.apply,
        partial(composite, background=background, density=density),
        ray_samples,
        summation.chunk_size,
    )
    return Scenes(
        (Term(draw, measurement, squared_error),),
        matching_objective(activated, 3, -reach, reach, activation),
        partial(render_views, render),
    )


def check_rays(run: RunOptions) -> None:
    """Raises UserError if steps see no ray."""
    if run.inner_points < 1:
        raise UserError("--inner_points=0 draws no rays; give e.g. --inner_points=64")


def check_object_folder(signal: str, folder: str | None) -> None:
    """Raises UserError for a folder of objects that a generated class would not read."""
    if folder is not None and signal in MAKERS:
        raise UserError(
            f"--object_folder={folder} is not read by --signal={signal}, a generated class; give "
            "--signal=shapenet or nerf_folder after the flagfile"
        )


def check_depth_factors(near_factor: float, far_factor: float) -> None:
    """Raises UserError for factors that may swap near and far."""
    if near_factor >= far_factor:
        raise UserError(
            f"--near_factor={near_factor} is not below --far_factor={far_factor}; swap them"
        )


def render_views(render: Render, params: Params, views: Views) -> Rendered:
    """Renders from the cameras of views, each at the size of their images, within `jit`."""
    height, width = views.images.shape[1:3]
    cameras = (views.poses, views.inverse_intrinsics, views.bounds)
    return jax.lax.map(lambda camera: render(params, *camera, height, width), cameras)


def pooled_views(signal_class: SignalClass, num: int) -> Views:
    """The views of the first `num` training scenes, at most 32, as if they were of one."""
    num = min(num, _POOLED, signal_class.sizes["train"])
    every = [signal_class.get("train", i) for i in range(num)]
    return jax.tree.map(lambda *x: jnp.asarray(np.concatenate(x)), *every)


def view_metrics(found: Array, images: Array) -> dict[str, Array]:
    """PSNR and SSIM of pictures [v, h, w, 3], clipped to [0, 1]: means over the views."""
    found = jnp.clip(found, 0, 1)
    return jax.tree.map(jnp.mean, jax.vmap(picture_metrics)(found, images))


def depth_picture(rendered: Rendered, bounds: Array) -> Array:
    """Depths [h, w] as grey [h, w, 3], near ones dark; where nothing is, white."""
    grey = (rendered.depth - bounds[0]) / (bounds[1] - bounds[0])
    grey = rendered.opacity * grey + 1 - rendered.opacity
    return jnp.repeat(jnp.clip(grey, 0, 1)[..., None], 3, axis=-1)
