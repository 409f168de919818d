"""What algorithms build with, made from a field and its objectives."""

from functools import partial

import optax

from metainr.algorithms.optimizers import make_optimizer
from metainr.numerics.gradients import inner_gradient, inner_product, objective_gradient
from metainr.numerics.pruning import pruned
from metainr.numerics.residuals import objective_residuals
from metainr.numerics.terms import Summation
from metainr.types import Field, Hyper, Objective, Parts


def make_parts(
    field: Field,
    inner: Objective,
    query: Objective,
    hyper: Hyper,
    num_steps: int,
    summation: Summation | None = None,
    decay_steps: int | None = None,
) -> Parts:
    """The parts of a problem.

    Args:
        field: the coordinate network.
        inner, query: the objectives that inner steps lower and that the outer loss scores.
        hyper, num_steps: of the inner loop in training.
        summation: how sums over observations are taken (`metainr.numerics.inner_gradient`).
        decay_steps: over so many steps the inner rate falls as a cosine to 0; None: it does not.
    """

    def optimizer(hyper):
        rate = hyper.learning_rate
        if decay_steps is not None:
            rate = optax.cosine_decay_schedule(rate, decay_steps)
        return make_optimizer(hyper.optimizer)(rate)

    return Parts(
        field.init,
        partial(inner_gradient, inner, field.apply, summation),
        partial(inner_product, inner, field.apply, summation),
        lambda share: partial(
            inner_gradient, pruned(inner, field, share, summation), field.apply, summation
        ),
        objective_residuals(inner, field, summation),
        objective_gradient(query, field.apply, summation),
        optimizer,
        hyper,
        num_steps,
    )
