"""ANIL: almost no inner loop. Source: Raghu et al., ICLR 2020."""

import jax

from metainr.algorithms.inner import gradient_inner
from metainr.algorithms.layers import by_name, last_layer, replaced
from metainr.algorithms.maml import through_all_steps
from metainr.algorithms.options import NoOptions
from metainr.types import Algorithm, Parts, Work


def anil(parts: Parts, options: NoOptions) -> Algorithm:
    """MAML whose inner loop, in training and at test, adapts the last linear layer alone.

    The outer gradient reaches all weights. Raises UserError for a field whose weights' names tell
    of no such layer.
    """
    names = last_layer(jax.eval_shape(parts.init, jax.random.key(0)))

    def weights(head, held):
        return replaced(held, head)

    def start(params):
        leaves = by_name(params)
        return {name: leaves[name] for name in names}, params

    gradient = parts.gradient(weights)

    def make_inner(hyper):
        return gradient_inner(gradient, lambda held: parts.optimizer(hyper), start, weights)

    meta_gradient = through_all_steps(parts, make_inner(parts.hyper))
    work = Work(parts.num_steps, parts.num_steps, 1)
    return Algorithm(parts.init, meta_gradient, work, make_inner)
