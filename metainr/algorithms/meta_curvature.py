"""Meta-Curvature: an init, and what its gradients are multiplied by. Source: Park and Oliva,
NeurIPS 2019, arXiv 1902.03356."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import optax

from metainr.algorithms.inner import gradient_inner
from metainr.algorithms.maml import through_all_steps
from metainr.checks import RATE, Range
from metainr.numerics.gradients import adapted_alone
from metainr.types import Algorithm, Params, Parts, Tree, Work


class MetaCurvatureOptions(NamedTuple):
    """How the matrices are learned.

    longest: side of a weight that has a matrix; longer ones have none
    outer_factor: of the outer rate, where it learns the matrices
    """

    longest: Annotated[int, Range(1, 4096)] = 512
    outer_factor: Annotated[float, RATE] = 10.0


class MetaCurvatureParams(NamedTuple):
    """The init θ₀, and the deviations D of each leaf's matrices I + D (`_deviations`)."""

    init: Params
    deviations: Tree


def meta_curvature(parts: Parts, options: MetaCurvatureOptions) -> Algorithm:
    """W_{k+1} = W_k − α (I + D_k) ∇L(W_k) (I + E_k), where θ₀, D and E are learned by MAML.

    A leaf has a matrix for each of its axes and each step; they start at I, and without learning
    them it is MAML. The steps of another inner optimizer are multiplied likewise. Steps beyond
    those of training repeat the last one's matrices, which the published form shares over steps.
    """

    def init(key):
        params = parts.init(key)
        return MetaCurvatureParams(params, _deviations(params, parts.num_steps, options.longest))

    gradient = parts.gradient(adapted_alone)

    def make_inner(hyper):
        return gradient_inner(
            gradient,
            lambda deviations: optax.chain(parts.optimizer(hyper), _multiplied(deviations)),
            start=lambda meta_params: (meta_params.init, meta_params.deviations),
        )

    def outer_rates(meta_params):
        return MetaCurvatureParams(
            jax.tree.map(lambda _: 1.0, meta_params.init),
            jax.tree.map(lambda _: options.outer_factor, meta_params.deviations),
        )

    meta_gradient = through_all_steps(parts, make_inner(parts.hyper))
    work = Work(parts.num_steps, parts.num_steps, 1)
    return Algorithm(init, meta_gradient, work, make_inner, outer_rates)


def _deviations(params, num_steps, longest):
    """For every leaf a tuple: [num_steps, n, n] of each axis of n ≤ longest, None of the others."""

    def zeros(leaf):
        return tuple(
            jnp.zeros((num_steps, side, side), leaf.dtype) if side <= longest else None
            for side in leaf.shape
        )

    return jax.tree.map(zeros, params)


def _multiplied(deviations):
    """The transformation that multiplies every axis of an update by its matrix of the step."""

    def update(updates, state, params=None):
        def multiplied(x, of_axes):
            for axis, deviation in enumerate(of_axes):
                if deviation is not None:
                    matrix = deviation[jnp.minimum(state, len(deviation) - 1)]
                    product = jnp.tensordot(matrix, x, (1, axis), precision="highest")
                    x = x + jnp.moveaxis(product, 0, axis)
            return x

        return jax.tree.map(multiplied, updates, deviations), state + 1

    return optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)
