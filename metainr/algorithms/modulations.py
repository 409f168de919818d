"""Modulations: one network for all signals, and a small latent for each.

Sources: CAVIA (Zintgraf et al., ICML 2019), functa (Dupont et al., ICML 2022).
"""

from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from metainr.algorithms.inner import gradient_inner
from metainr.algorithms.layers import biases, by_name, layer_of, replaced
from metainr.algorithms.learned_rates import log_factors, with_factors
from metainr.algorithms.maml import through_all_steps
from metainr.checks import RATE, Choice, Range
from metainr.errors import UserError
from metainr.types import Algorithm, Array, Params, Parts, Work


class ModulationsOptions(NamedTuple):
    """What is adapted.

    latent: numbers that stand for a signal
    kind: what a latent moves of hidden layers: their biases, or the size of their units, too
    outer_factor: of the outer rate, where it learns the latent's step sizes
    """

    latent: Annotated[int, Range(1, 2**16)] = 64
    kind: Annotated[str, Choice(("shift", "shift_scale"))] = "shift"
    outer_factor: Annotated[float, RATE] = 30.0


class ModulationsParams(NamedTuple):
    """Shared weights, the projection A [latent, moved], and log factors of the latent's steps."""

    shared: Params
    projection: Array
    log_rates: Any


def modulations(parts: Parts, options: ModulationsOptions) -> Algorithm:
    """z_{k+1} = z_k − α exp(a_k) ∘ ∇_z L(θ(z_k)), from z_0 = 0, where A z moves the hidden layers.

    Their biases b become b + β_l and, by "shift_scale", their kernels W become W ∘ (1 + γ_l), one
    factor a unit, A z being all β and γ in a row. The last layer stays bare; z alone is adapted.
    The outer gradient reaches the shared weights, A and the factors exp(a) of the inner rate α
    through all inner steps; z_0 is not learned.

    Raises UserError for a field whose hidden layers have no biases, or no kernels to scale.
    """
    like = jax.eval_shape(parts.init, jax.random.key(0))
    shifted = _shifted(like)
    scaled = _scaled(like, shifted) if options.kind == "shift_scale" else {}
    *ends, total = np.cumsum([*shifted.values(), *scaled.values()])

    def init(key):
        init_key, projection_key = jax.random.split(key)
        # Rows of about unit length: a step shifts biases about as far as it would move them.
        limit = (3 / options.latent) ** 0.5
        shape = (options.latent, total)
        projection = jax.random.uniform(projection_key, shape, minval=-limit, maxval=limit)
        logs = log_factors(jnp.zeros(options.latent), parts.num_steps, per_weight=True)
        return ModulationsParams(parts.init(init_key), projection, logs)

    def weights(latent, held):
        shared, projection = held[:2]
        leaves, moves = by_name(shared), jnp.split(latent @ projection, ends)
        moved = {
            name: leaves[name] + shift.reshape(leaves[name].shape)
            for name, shift in zip(shifted, moves)
        }
        for name, scale in zip(scaled, moves[len(shifted) :]):
            moved[name] = leaves[name] * (1 + scale)[None]
        return replaced(shared, moved)

    gradient = parts.gradient(weights)

    def make_inner(hyper):
        return gradient_inner(
            gradient,
            lambda held: with_factors(parts.optimizer(hyper), held.log_rates),
            start=lambda meta_params: (jnp.zeros(options.latent), meta_params),
            weights=weights,
        )

    def outer_rates(meta_params):
        ones = jax.tree.map(lambda _: 1.0, meta_params)
        return ones._replace(log_rates=options.outer_factor)

    meta_gradient = through_all_steps(parts, make_inner(parts.hyper))
    work = Work(parts.num_steps, parts.num_steps, 1)
    return Algorithm(init, meta_gradient, work, make_inner, outer_rates)


def _shifted(params):
    """The biases of all layers but the last by name, with their sizes."""
    hidden = list(biases(params))[:-1]
    if not hidden:
        raise UserError(
            "modulations shift the biases of hidden layers, of which this field has none; use "
            "another field, such as siren, or another algorithm"
        )
    return {name: leaf.size for name, leaf in by_name(params).items() if name in hidden}


def _scaled(params, shifted):
    """The kernels [in, out] of the layers of these biases by name, with their numbers of units."""
    leaves = by_name(params)
    scaled = {}
    for bias in shifted:
        kernels = [name for name in layer_of(params, bias) if leaves[name].ndim == 2]
        if len(kernels) != 1 or leaves[kernels[0]].shape[1] != leaves[bias].size:
            raise UserError(
                "modulations of kind shift_scale scale the kernel of each hidden layer, which this "
                "field has not; use kind shift, or another field, such as siren"
            )
        scaled[kernels[0]] = leaves[bias].size
    return scaled
