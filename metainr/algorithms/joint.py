"""Joint pre-training: one set of weights for all signals, without an inner loop."""

from metainr.algorithms.options import NoOptions
from metainr.algorithms.plain import plain_inner
from metainr.types import Algorithm, Parts, Work


def joint(parts: Parts, options: NoOptions) -> Algorithm:
    """∇_θ₀ L_query(θ₀): the weights that fit all signals best at once, such as their mean.

    Test-time fits adapt all weights.
    """

    def meta_gradient(meta_params, task, key):
        loss, gradient = parts.query(meta_params, task.query, key, 0)
        return gradient, {"loss_before": loss, "loss_after": loss}

    return Algorithm(parts.init, meta_gradient, Work(0, 0, 1), plain_inner(parts))
