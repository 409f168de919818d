"""The outer step against one written by hand, and the loop's verdict on numbers that are none."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metainr import algorithms
from metainr.measurements import value
from metainr.objectives import Samples, all_points, squared_error
from metainr.training import Numbered, init_state, make_train_step
from metainr.types import Field, Hyper, Task, Term

RATE = 0.1
X = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)


def _make_task(signal, key):
    support = Samples(signal, jnp.ones(len(signal)))
    return Task(support, support)


def _algorithm(name, rate=RATE):
    objective = (Term(all_points(X), value(), squared_error),)
    field = Field(lambda key: jax.random.normal(key, (3, 1)), lambda w, x: x @ w)
    parts = algorithms.make_parts(field, objective, objective, Hyper("sgd", rate), 2)
    return algorithms.make(name, parts)


def _signals(num):
    return np.random.default_rng(1).normal(size=(num, 9, 1)).astype(np.float32)


def _batch(signals):
    return Numbered(signals, np.arange(len(signals), dtype=np.int32))


def _maml_gradient(w, y):
    """∇L at the adapted weights, times the contraction of two steps on a quadratic."""
    hessian = 2 * X.T @ X / 9
    slope = lambda w: 2 * X.T @ (X @ w - y) / 9  # noqa: E731
    adapted = w
    for _ in range(2):
        adapted = adapted - RATE * slope(adapted)
    return np.linalg.matrix_power(np.eye(3) - RATE * hessian, 2) @ slope(adapted)


@pytest.mark.parametrize("num", [1, 3])
def test_a_step_is_the_mean_of_the_tasks_gradients_through_optax(num):
    algorithm, optimizer = _algorithm("maml"), optax.adam(1e-2)
    step = make_train_step(algorithm, optimizer, _make_task)
    state = init_state(algorithm, optimizer, jax.random.key(0))
    weights, opt_state = np.asarray(state.meta_params), optimizer.init(state.meta_params)
    for number in range(3):
        signals = _signals(num)[:, ::-1] * (number + 1)
        expected = np.mean([_maml_gradient(weights, y) for y in signals], axis=0)
        updates, opt_state = optimizer.update(jnp.asarray(expected), opt_state)
        weights = np.asarray(weights + updates)
        state, metrics = step(state, _batch(signals))
        np.testing.assert_allclose(state.meta_params, weights, rtol=2e-4, atol=1e-6)
        np.testing.assert_allclose(metrics["gradient_norm"], np.linalg.norm(expected), rtol=1e-4)
        assert bool(metrics["finite"]) and int(state.step) == number + 1
        assert metrics["loss_after"] < metrics["loss_before"]


def test_keys_differ_by_step_and_task_but_not_by_run():
    seen = []

    def make_task(signal, key):
        jax.debug.callback(lambda bits: seen.append(tuple(bits.tolist())), jax.random.key_data(key))
        return _make_task(signal, key)

    algorithm, optimizer = _algorithm("reptile"), optax.sgd(1.0)
    for _ in range(2):
        step = make_train_step(algorithm, optimizer, make_task)
        state = init_state(algorithm, optimizer, jax.random.key(0))
        for _ in range(2):
            state, _ = step(state, _batch(_signals(3)))
        jax.effects_barrier()
    assert len(seen) == 12 and len(set(seen)) == 6


def test_it_compiles_once():
    traces = []

    def make_task(signal, key):
        traces.append(1)
        return _make_task(signal, key)

    algorithm, optimizer = _algorithm("maml"), optax.adam(1e-2)
    step = make_train_step(algorithm, optimizer, make_task)
    state = init_state(algorithm, optimizer, jax.random.key(0))
    for number in range(3):
        state, _ = step(state, _batch(_signals(2) + number))
    assert len(traces) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_is_not_finite_is_noticed(bad):
    # 1e30 leaves the weights finite: the squares in Adam's state are not, and never recover.
    algorithm, optimizer = _algorithm("first_order_maml", rate=0.0), optax.adam(1e-2)
    step = make_train_step(algorithm, optimizer, _make_task)
    state = init_state(algorithm, optimizer, jax.random.key(0))
    _, metrics = step(state, _batch(_signals(2) * np.float32(bad)))
    assert not bool(metrics["finite"])


def test_dtypes_and_structure_stay():
    algorithm, optimizer = _algorithm("maml"), optax.adam(1e-2)
    step = make_train_step(algorithm, optimizer, _make_task)
    state = init_state(algorithm, optimizer, jax.random.key(0))
    shapes = jax.eval_shape(lambda: state)
    after, _ = step(state, _batch(_signals(2)))
    chex.assert_trees_all_equal_shapes_and_dtypes(shapes, jax.eval_shape(lambda: after))
