"""What is left of each observation, and what the field's last layer reads there."""

from collections.abc import Callable

import jax.numpy as jnp

from metainr.numerics.chunks import map_over_chunks
from metainr.numerics.gradients import automatic_summation, observe
from metainr.numerics.terms import Summation, evaluate, features_of, rows_per_chunk
from metainr.types import (
    Field,
    Key,
    Objective,
    Observations,
    Params,
    Residuals,
    Step,
    Support,
    Term,
)


def objective_residuals(
    objective: Objective, field: Field, summation: Summation | None = None
) -> Callable[[Params, Support, Key, Step], tuple[Residuals, ...]]:
    """Builds (params, support, key, step) ↦ M(f_θ, p_i) − y_i and h_θ(p_i) of every term's draw.

    h_θ is what the field's last linear layer reads (`Field.hidden`). For a field that is its own
    measurement, the gradient of ½‖e_i‖² in that layer's weights and bias has the norm
    ‖e_i‖ √(‖h_i‖² + 1). Evaluated in chunks; observations are never divided over devices here.
    """

    def residuals(params, support, key, step):
        drawn = observe(objective, params, support, key, step)
        return tuple(
            term_residuals(term, field, params, rows, summation)
            for term, rows in zip(objective, drawn)
        )

    return residuals


def term_residuals(
    term: Term,
    field: Field,
    params: Params,
    rows: Observations,
    summation: Summation | None = None,
) -> Residuals:
    """What is left of one term's observations (see `objective_residuals`)."""
    coords = term.measurement.points(rows.inputs)
    size = rows_per_chunk(coords, summation or automatic_summation(params))

    def at(chunk):
        hidden = None if field.hidden is None else evaluate(field.hidden, params, chunk)
        return features_of(params, term, field.apply, chunk), hidden

    features, hidden = map_over_chunks(at, jnp.asarray(coords), size)
    predictions = term.measurement.pool(features, rows.inputs)
    return Residuals(predictions - rows.targets, hidden, rows.weights)
