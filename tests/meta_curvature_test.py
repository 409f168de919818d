"""Meta-Curvature against its closed form on a quadratic, and MAML."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_tasks import KEY, RATE, linear_field, random_like

from metainr import algorithms
from metainr.algorithms import adapt, make_parts
from metainr.algorithms.meta_curvature import MetaCurvatureOptions
from metainr.measurements import value
from metainr.numerics import Summation
from metainr.objectives import Samples, all_points, squared_error
from metainr.types import Hyper, Task, Term

pytestmark = pytest.mark.usefixtures("float64")

RNG = np.random.default_rng(4)
X, SUPPORT, QUERY = (RNG.normal(size=s) for s in ((9, 3), (9, 2), (9, 2)))
W = RNG.normal(size=(3, 2))


def _parts(steps):
    objective = (Term(all_points(X), value(), squared_error),)
    field = linear_field({"w": jnp.asarray(W)})
    return make_parts(field, objective, objective, Hyper("sgd", RATE), steps, Summation())


def _task():
    return Task(*(Samples(jnp.asarray(y), jnp.ones(9)) for y in (SUPPORT, QUERY)))


def _problem(steps):
    """(algorithm, generic meta-parameters)."""
    algorithm = algorithms.make("meta_curvature", _parts(steps))
    start = algorithm.init(KEY)
    deviations = jax.tree.map(jnp.float64, random_like(start.deviations, KEY))
    return algorithm, start._replace(deviations=deviations)


def _slope(w, y):
    """∇L of L = mean over 9 points and 2 channels of (Xw − y)²."""
    return 2 * X.T @ (X @ w - y) / 18


def _matrices(meta_params, step):
    return [np.eye(len(x[0])) + np.asarray(x[step]) for x in meta_params.deviations["w"]]


def test_one_step_in_closed_form():
    algorithm, meta_params = _problem(1)
    found, _ = jax.jit(algorithm.meta_gradient)(meta_params, _task(), KEY)
    left, right = _matrices(meta_params, 0)
    descent = _slope(W, SUPPORT)
    after = _slope(W - RATE * left @ descent @ right.T, QUERY)
    of_left, of_right = found.deviations["w"]
    np.testing.assert_allclose(of_left[0], -RATE * after @ (descent @ right.T).T, rtol=1e-10)
    np.testing.assert_allclose(of_right[0], -RATE * after.T @ (left @ descent), rtol=1e-10)
    curved = left.T @ after @ right
    expected = after - RATE * 2 * X.T @ (X @ curved) / 18
    np.testing.assert_allclose(found.init["w"], expected, rtol=1e-10)


def test_steps_beyond_those_learned_repeat_the_last_matrices():
    algorithm, meta_params = _problem(2)
    found, _ = adapt(algorithm.make_inner(Hyper("sgd", RATE)), meta_params, _task().support, KEY, 4)
    w = W
    for step in (0, 1, 1, 1):
        left, right = _matrices(meta_params, step)
        w = w - RATE * left @ _slope(w, SUPPORT) @ right.T
    np.testing.assert_allclose(found["w"], w, rtol=1e-10)


def test_it_starts_as_maml_and_leaves_long_sides_alone():
    parts = _parts(2)
    algorithm = algorithms.make("meta_curvature", parts, MetaCurvatureOptions(longest=2))
    start = algorithm.init(KEY)
    assert jax.tree.map(jnp.shape, start.deviations) == {"w": (None, (2, 2, 2))}
    found, _ = algorithm.meta_gradient(start, _task(), KEY)
    expected, _ = algorithms.make("maml", parts).meta_gradient(start.init, _task(), KEY)
    chex.assert_trees_all_close(found.init, expected, rtol=1e-12)
