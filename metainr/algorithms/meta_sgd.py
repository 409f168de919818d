"""Meta-SGD: an init and the sizes of its steps. Source: Li et al., arXiv 1707.09835."""

from typing import Annotated, Any, NamedTuple

import jax

from metainr.algorithms.inner import gradient_inner
from metainr.algorithms.learned_rates import log_factors, with_factors
from metainr.algorithms.maml import through_all_steps
from metainr.checks import RATE, Switch
from metainr.numerics.gradients import adapted_alone
from metainr.types import Algorithm, Params, Parts, Work


class MetaSgdOptions(NamedTuple):
    """How step sizes are learned.

    per_weight: a size for every weight and step; else one for every leaf and step
    outer_factor: of the outer rate, where it learns the sizes
    """

    per_weight: Annotated[bool, Switch()] = False
    outer_factor: Annotated[float, RATE] = 30.0


class MetaSgdParams(NamedTuple):
    """The init θ₀, and the logarithms a of the factors of each step (`log_factors`)."""

    init: Params
    log_rates: Any


def meta_sgd(parts: Parts, options: MetaSgdOptions) -> Algorithm:
    """θ_{k+1} = θ_k − α exp(a_k) ∘ ∇L(θ_k), both θ₀ and a learned through all inner steps.

    α is the inner learning rate and a starts at 0: without learning a it is MAML. Another inner
    optimizer's steps are multiplied likewise. Steps beyond those of training repeat the last one's
    factors. The published form has a size for every weight, for all steps alike, that may become
    negative.
    """

    def init(key):
        params = parts.init(key)
        return MetaSgdParams(params, log_factors(params, parts.num_steps, options.per_weight))

    gradient = parts.gradient(adapted_alone)

    def make_inner(hyper):
        return gradient_inner(
            gradient,
            lambda logs: with_factors(parts.optimizer(hyper), logs),
            start=lambda meta_params: (meta_params.init, meta_params.log_rates),
        )

    def outer_rates(meta_params):
        return MetaSgdParams(
            jax.tree.map(lambda _: 1.0, meta_params.init),
            jax.tree.map(lambda _: options.outer_factor, meta_params.log_rates),
        )

    meta_gradient = through_all_steps(parts, make_inner(parts.hyper))
    work = Work(parts.num_steps, parts.num_steps, 1)
    return Algorithm(init, meta_gradient, work, make_inner, outer_rates)
