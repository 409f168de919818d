"""Meta-SGD against closed forms on a quadratic, finite differences, and MAML."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny_tasks import (
    KEY,
    RATE,
    hold_against_finite_differences,
    linear_field,
    random_like,
    siren_task,
)

from metainr import algorithms
from metainr.algorithms import MetaSgdOptions, adapt, make_parts
from metainr.algorithms.learned_rates import with_factors
from metainr.measurements import value
from metainr.numerics import Summation
from metainr.objectives import Samples, all_points, squared_error
from metainr.runs.learning import make_outer_optimizer
from metainr.runs.options import OuterOptions
from metainr.training import Numbered, init_state, make_train_step
from metainr.types import Hyper, Task, Term

RNG = np.random.default_rng(2)
X, SUPPORT, QUERY = (RNG.normal(size=s) for s in ((9, 3), (9, 1), (9, 1)))
SIZES = pytest.mark.parametrize("per_weight", [False, True], ids=["per_leaf", "per_weight"])


def _parts(steps):
    """Of a linear field of two leaves of weights."""
    params = {"a": jnp.array([[0.7], [-0.2]]), "b": jnp.array([[1.3]])}
    objective = (Term(all_points(X), value(), squared_error),)
    hyper = Hyper("sgd", RATE)
    return make_parts(linear_field(params), objective, objective, hyper, steps, Summation())


def _task(shift=0.0):
    support, query = (Samples(jnp.asarray(y) + shift, jnp.ones(9)) for y in (SUPPORT, QUERY))
    return Task(support, query)


def _problem(steps, per_weight):
    """(algorithm, task, generic meta-parameters)."""
    algorithm = algorithms.make("meta_sgd", _parts(steps), MetaSgdOptions(per_weight))
    start = algorithm.init(KEY)
    return algorithm, _task(), start._replace(log_rates=random_like(start.log_rates, KEY))


def _slope(w, y):
    """∇L of L = mean (Xw − y)²."""
    return 2 * X.T @ (X @ w - y) / 9


def _stacked(tree):
    return np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(tree)])


def _sizes(logs, step):
    """α exp(a) of a step for each of the three weights [3, 1]."""
    rows = {name: np.asarray(log[step]) for name, log in logs.items()}
    shapes = {"a": (2, 1), "b": (1, 1)}
    return RATE * np.exp(_stacked({n: np.broadcast_to(rows[n], shapes[n]) for n in shapes}))


@pytest.mark.usefixtures("float64")
@SIZES
def test_one_step_in_closed_form(per_weight):
    algorithm, task, meta_params = _problem(1, per_weight)
    found, _ = jax.jit(algorithm.meta_gradient)(meta_params, task, KEY)
    first, sizes = _stacked(meta_params.init), _sizes(meta_params.log_rates, 0)
    descent = _slope(first, SUPPORT)
    after = _slope(first - sizes * descent, QUERY)
    of_sizes = -sizes * after * descent
    expected = {"a": of_sizes[None, :2], "b": of_sizes[None, 2:]}
    if not per_weight:
        expected = {name: rows.sum(axis=(1, 2)) for name, rows in expected.items()}
    chex.assert_trees_all_close(found.log_rates, expected, rtol=1e-10)
    hessian = 2 * X.T @ X / 9
    np.testing.assert_allclose(_stacked(found.init), after - hessian @ (sizes * after), rtol=1e-10)


@pytest.mark.usefixtures("float64")
@SIZES
def test_steps_beyond_those_learned_repeat_the_last_factors(per_weight):
    algorithm, task, meta_params = _problem(2, per_weight)
    inner = algorithm.make_inner(Hyper("sgd", RATE))
    found, _ = adapt(inner, meta_params, task.support, KEY, 5)
    w = _stacked(meta_params.init)
    for step in (0, 1, 1, 1, 1):
        w = w - _sizes(meta_params.log_rates, step) * _slope(w, SUPPORT)
    np.testing.assert_allclose(_stacked(found), w, rtol=1e-10)


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
@SIZES
def test_the_meta_gradient_against_finite_differences(per_weight):
    parts, params, task = siren_task(np.float64, "sgd", 3)
    options = MetaSgdOptions(per_weight)
    meta_params = algorithms.make("meta_sgd", parts, options).init(KEY)
    logs = jax.tree.map(jnp.float64, random_like(meta_params.log_rates, jax.random.key(1)))
    meta_params = meta_params._replace(init=params, log_rates=logs)
    hold_against_finite_differences("meta_sgd", parts, meta_params, task, options)


def _trained(name, options):
    """Meta-parameters after three outer steps on two tasks each."""
    algorithm = algorithms.make(name, _parts(2), options)
    optimizer = make_outer_optimizer(OuterOptions(learning_rate=1e-2), algorithm.outer_rates)
    step = make_train_step(algorithm, optimizer, lambda shift, key: _task(shift))
    state = init_state(algorithm, optimizer, KEY)
    for number in range(3):
        shifts = jnp.float32([number / 4, -number / 4])
        state, _ = step(state, Numbered(shifts, jnp.arange(2)))
    return state.meta_params


@pytest.mark.slow
@SIZES
def test_without_learning_sizes_it_is_maml_bit_for_bit(per_weight):
    # A compiler may round the sum of weights and steps once, or their factors' product before it.
    with jax.disable_jit():
        found = _trained("meta_sgd", MetaSgdOptions(per_weight, outer_factor=0.0))
        expected = _trained("maml", None)
    chex.assert_trees_all_equal(found.init, expected)
    assert not any(leaf.any() for leaf in jax.tree.leaves(found.log_rates))


def test_sizes_learn_at_their_own_rate():
    """The first step of Adam is as long as its rate."""
    factor, rate = MetaSgdOptions().outer_factor, 1e-3
    algorithm, *_ = _problem(2, False)
    start = jax.tree.map(jnp.float32, algorithm.init(KEY))
    optimizer = make_outer_optimizer(OuterOptions(learning_rate=rate), algorithm.outer_rates)
    updates, _ = optimizer.update(jax.tree.map(jnp.ones_like, start), optimizer.init(start), start)
    for leaf in jax.tree.leaves(updates.init):
        np.testing.assert_allclose(leaf, -rate, rtol=1e-5)
    for leaf in jax.tree.leaves(updates.log_rates):
        np.testing.assert_allclose(leaf, -factor * rate, rtol=1e-5)


def test_factors_multiply_what_any_optimizer_makes_of_a_slope():
    slopes = [{"w": jnp.array([1.0, -2.0])}, {"w": jnp.array([0.5, 3.0])}]
    logs = {"w": jnp.array([0.3, -0.7])}
    plain, scaled = optax.adam(0.1), with_factors(optax.adam(0.1), logs)
    states = plain.init(slopes[0]), scaled.init(slopes[0])
    for slope, log in zip(slopes, logs["w"]):
        expected, first = plain.update(slope, states[0])
        found, second = scaled.update(slope, states[1])
        np.testing.assert_allclose(found["w"], np.exp(log) * expected["w"], rtol=1e-6)
        states = first, second
