"""The observations that a step learns most from. Source: Tack et al., NeurIPS 2023 (GradNCP)."""

import jax
import jax.numpy as jnp

from metainr.errors import UserError
from metainr.numerics.residuals import term_residuals
from metainr.numerics.terms import Summation
from metainr.types import Array, Field, Objective, Residuals


def pruned(
    objective: Objective, field: Field, share: float, summation: Summation | None = None
) -> Objective:
    """The objective, each of its terms drawing ⌊share · n⌋ of its n observations, but at least one.

    Those with the largest `scores` are kept, anew in every draw, with their weights. Which they are
    counts as constant, as all draws do.

    Args:
        objective: whose observations are pruned.
        field: the coordinate network.
        share: of the observations, above 0 and at most 1.
        summation: how the field is evaluated at all observations; they are not divided over
            devices.

    Raises UserError for measurements whose observations only count together.
    """
    if any(term.measurement.coupled for term in objective):
        raise UserError(
            "observations of this objective cannot be pruned: each reads the field everywhere; use "
            "another algorithm"
        )

    def of_term(term):
        def draw(params, support, key, step):
            rows = term.draw(params, support, key, step)
            found = scores(term_residuals(term, field, params, rows, summation))
            count = max(int(share * len(found)), 1)
            chosen = jax.lax.top_k(found, count)[1]
            return jax.tree.map(lambda leaf: jnp.asarray(leaf)[chosen], rows)

        return term._replace(draw=draw)

    return tuple(map(of_term, objective))


def scores(residuals: Residuals) -> Array:
    """‖e_i‖ √(‖h_i‖² + 1), or ‖e_i‖ if the field does not tell h; −1 where the weight is 0.

    For a field that is its own measurement it is the norm of the gradient of ½‖e_i‖² in the last
    layer's weights and bias; of several points ‖h‖² is their mean.
    """
    errors = residuals.errors.reshape(len(residuals.errors), -1)
    found = jnp.linalg.norm(errors, axis=1)
    if residuals.hidden is not None:
        found *= jnp.sqrt(jnp.square(residuals.hidden).sum(-1).mean(-1) + 1)
    return jnp.where(residuals.weights > 0, found, -1.0)
