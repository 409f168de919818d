"""Modulations by place: of a field over a grid of latents, the grid alone is a signal's own.

Sources: functa (Dupont et al., ICML 2022), its spatial form (Bauer et al., 2023).
"""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp

from metainr.algorithms.inner import gradient_inner
from metainr.algorithms.layers import by_name, replaced
from metainr.algorithms.learned_rates import log_factors, with_factors
from metainr.algorithms.maml import through_all_steps
from metainr.checks import RATE
from metainr.errors import UserError
from metainr.types import Algorithm, Params, Parts, Work

_GRID = "latents"


class SpatialLatentsOptions(NamedTuple):
    """How step sizes are learned.

    outer_factor: of the outer rate, where it learns the latents' step sizes
    """

    outer_factor: Annotated[float, RATE] = 30.0


class SpatialLatentsParams(NamedTuple):
    """The field's weights, whose grid stays 0, and log factors of the latents' steps."""

    shared: Params
    log_rates: Any


def spatial_latents(parts: Parts, options: SpatialLatentsOptions) -> Algorithm:
    """z_{k+1} = z_k − α exp(a_k) ∇_z L(θ, z_k), from z_0 = 0, z being the field's grid of latents.

    The outer gradient reaches all other weights θ and one factor a step. Raises UserError for a
    field without such a grid.
    """
    names = by_name(jax.eval_shape(parts.init, jax.random.key(0)))
    grids = [name for name in names if name.rpartition("/")[2] == _GRID]
    if not grids:
        raise UserError(
            "spatial_latents adapts a grid of latents, which this field has not; use the field "
            "latent_siren, or another algorithm such as modulations"
        )
    (grid,) = grids

    def init(key):
        params = parts.init(key)
        logs = log_factors(by_name(params)[grid], parts.num_steps, per_weight=False)
        return SpatialLatentsParams(params, logs)

    def weights(latents, held):
        return replaced(held.shared, {grid: latents})

    def start(meta_params):
        return jnp.zeros_like(by_name(meta_params.shared)[grid]), meta_params

    gradient = parts.gradient(weights)

    def make_inner(hyper):
        return gradient_inner(
            gradient,
            lambda held: with_factors(parts.optimizer(hyper), held.log_rates),
            start,
            weights,
        )

    def outer_rates(meta_params):
        ones = jax.tree.map(lambda _: 1.0, meta_params)
        return ones._replace(log_rates=options.outer_factor)

    meta_gradient = through_all_steps(parts, make_inner(parts.hyper))
    work = Work(parts.num_steps, parts.num_steps, 1)
    return Algorithm(init, meta_gradient, work, make_inner, outer_rates)
