"""What is left of observations, against the errors and slopes that they are to stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.measurements import projection, value
from metainr.numerics import Summation
from metainr.numerics.residuals import objective_residuals
from metainr.objectives import (
    Samples,
    Sinogram,
    all_points,
    all_views,
    random_points,
    squared_error,
)
from metainr.types import Field, Term

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
COORDS, VALUES = RNG.uniform(size=(30, 2)), RNG.normal(size=(30, 3))


def _hidden(params, coords):
    return jnp.tanh(coords @ params["first"])


def _apply(params, coords):
    bias = jnp.broadcast_to(params["bias"], (*coords.shape[:-1], len(params["bias"])))
    return _hidden(params, coords) @ params["last"] + bias


FIELD = Field(lambda key: _params(3), _apply, _hidden)


def _params(channels):
    shapes = {"first": (2, 5), "last": (5, channels), "bias": (channels,)}
    return {name: jnp.asarray(RNG.normal(size=shape)) for name, shape in shapes.items()}


def _support():
    return Samples(jnp.asarray(VALUES), jnp.ones(30))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("chunk", [None, 7])
def test_errors_are_values_less_targets_and_their_slopes_are_known(chunk):
    """The norm of the gradient of ½‖e‖² in the last layer is ‖e‖ √(‖h‖² + 1), point by point."""
    params, support = _params(3), _support()
    objective = (Term(all_points(COORDS), value(), squared_error),)
    residuals = jax.jit(objective_residuals(objective, FIELD, Summation(chunk)))
    ((errors, hidden, weights),) = residuals(params, support, KEY, 0)
    np.testing.assert_allclose(errors, _apply(params, COORDS) - VALUES, rtol=1e-12)
    np.testing.assert_array_equal(weights, support.weights)
    hidden = hidden[:, 0]
    found = np.linalg.norm(errors, axis=1) * np.sqrt(np.sum(hidden**2, axis=1) + 1)

    def half_square(last, coord, target):
        return jnp.sum((_apply(params | last, coord) - target) ** 2) / 2

    last = {name: params[name] for name in ("last", "bias")}
    slopes = jax.vmap(jax.grad(half_square), (None, 0, 0))(last, COORDS, VALUES)
    squares = sum(np.sum(np.square(s).reshape(30, -1), axis=1) for s in slopes.values())
    np.testing.assert_allclose(found, np.sqrt(squares), rtol=1e-12)


@pytest.mark.usefixtures("float64")
def test_every_term_has_its_own_of_what_it_draws():
    params, support = _params(3), _support()
    terms = (
        Term(random_points(COORDS, 8), value(), squared_error, scale=3.0),
        Term(all_points(COORDS), value(), squared_error),
    )
    some, everything = objective_residuals(terms, FIELD, Summation(4))(params, support, KEY, 0)
    whole = _apply(params, COORDS) - VALUES
    np.testing.assert_allclose(everything.errors, whole, rtol=1e-12)
    assert some.errors.shape == (8, 3) and some.hidden.shape == (8, 1, 5)
    nearest = np.abs(np.asarray(some.errors)[:, None] - np.asarray(whole)).max(-1).min(-1)
    np.testing.assert_allclose(nearest, 0, atol=1e-12)


def test_a_field_may_not_tell_its_hidden_layer():
    objective = (Term(all_points(np.float32(COORDS)), value(), squared_error),)
    residuals = objective_residuals(objective, FIELD._replace(hidden=None))
    params = jax.tree.map(jnp.float32, _params(3))
    (found,) = residuals(params, jax.tree.map(jnp.float32, _support()), KEY, 0)
    assert found.hidden is None and found.errors.shape == (30, 3)


@pytest.mark.usefixtures("float64")
def test_of_projections_they_are_whole_views():
    params, angles = _params(1), jnp.array([0.1, 0.9])
    targets = jnp.asarray(RNG.normal(size=(2, 16)))
    measurement = projection(16)
    objective = (Term(all_views(), measurement, squared_error),)
    support = Sinogram(angles, targets, jnp.ones(2))
    (found,) = objective_residuals(objective, FIELD, Summation(100))(params, support, KEY, 0)
    features = _apply(params, measurement.points(angles)[:, 0])[:, None]
    expected = measurement.pool(features, angles) - targets
    np.testing.assert_allclose(found.errors, expected, rtol=1e-10, atol=1e-10)
    assert found.hidden.shape == (16**2, 1, 5)
