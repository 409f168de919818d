"""Meta-gradients against closed forms, float64 finite differences and the plain recipe."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_tasks import (
    KEY,
    RATE,
    SIREN,
    compiled_bytes,
    coords_of,
    hold_against_finite_differences,
    linear_field,
    siren_task,
)

from metainr import algorithms
from metainr.algorithms import adapt, make_parts
from metainr.measurements import value
from metainr.numerics import Summation
from metainr.objectives import Samples, all_points, squared_error
from metainr.types import Hyper, Task, Term


def _quadratic(steps, dtype=np.float64):
    """A linear field: L(w) = mean (Xw − y)² has Hessian H = 2XᵀX/n and minimum w*."""
    rng = np.random.default_rng(1)
    x, y, w = (rng.normal(size=s).astype(dtype) for s in ((9, 3), (9, 1), (3, 1)))
    objective = (Term(all_points(x), value(), squared_error),)
    field, hyper = linear_field(jnp.asarray(w)), Hyper("sgd", RATE)
    parts = make_parts(field, objective, objective, hyper, steps, Summation(4))
    support = Samples(jnp.asarray(y), jnp.ones(9, dtype))
    hessian = 2 * x.T @ x / 9
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    return parts, Task(support, support), jnp.asarray(w), hessian, best


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("name", ["maml", "first_order_maml", "reptile"])
def test_quadratic_in_closed_form(name, steps):
    parts, task, w, hessian, best = _quadratic(steps)
    algorithm = algorithms.make(name, parts)
    found, info = jax.jit(algorithm.meta_gradient)(w, task, KEY)
    contraction = np.linalg.matrix_power(np.eye(3) - RATE * hessian, steps)
    adapted = best + contraction @ (np.asarray(w) - best)
    slope = hessian @ (adapted - best)
    expected = {
        "maml": contraction @ slope,
        "first_order_maml": slope,
        "reptile": np.asarray(w) - adapted,
    }[name]
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert info["loss_after"] <= info["loss_before"]


def test_one_step_reptile_is_scaled_gradient_descent():
    parts, task, w, *_ = _quadratic(1, dtype=np.float32)
    found, _ = algorithms.make("reptile", parts).meta_gradient(w, task, KEY)
    _, slope = parts.query(w, task.support, KEY, 0)
    chex.assert_trees_all_close(found, RATE * slope, rtol=1e-4)


def _inner_loops():
    """All combinations, those that differ from plain steps in any way marked slow but for Adam."""
    for optimizer in ("sgd", "momentum", "adam"):
        for points in (None, 6):
            for plain_mode_points in (0, 128):
                differences = (optimizer != "sgd") + (points == 6) + (plain_mode_points == 128)
                is_quick = not differences or (differences == 1 and optimizer == "adam")
                marks = () if is_quick else pytest.mark.slow
                yield pytest.param(optimizer, points, plain_mode_points, marks=marks)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("optimizer, points, plain_mode_points", list(_inner_loops()))
def test_siren_against_finite_differences(optimizer, points, plain_mode_points):
    parts, params, task = siren_task(np.float64, optimizer, 3, points, plain_mode_points)
    hold_against_finite_differences("maml", parts, params, task)


@pytest.mark.parametrize(
    "dtype,tolerance",
    [pytest.param(np.float32, 1e-4, marks=pytest.mark.slow), (np.float64, 1e-9)],
)
def test_mixed_mode_equals_the_plain_recipe(request, dtype, tolerance):
    """Python-unrolled inner loop, reverse over reverse, no chunks: the published way."""
    if dtype == np.float64:
        request.getfixturevalue("float64")
    parts, params, task = siren_task(dtype, "sgd", 2)
    algorithm = algorithms.make("maml", parts)
    coords = coords_of(dtype)

    def loss(params):
        return jnp.mean((SIREN.apply(params, coords) - task.support.values) ** 2)

    def outer(params):
        for _ in range(2):
            params = jax.tree.map(lambda p, g: p - 1e-2 * g, params, jax.grad(loss)(params))
        return loss(params)

    found, info = jax.jit(algorithm.meta_gradient)(params, task, KEY)
    expected_loss, expected = jax.value_and_grad(outer)(params)
    for leaf, wanted in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert jnp.linalg.norm(leaf - wanted) <= tolerance * jnp.linalg.norm(wanted)
    np.testing.assert_allclose(info["loss_after"], expected_loss, rtol=tolerance)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["sgd", pytest.param("momentum", marks=pytest.mark.slow), "adam"])
def test_a_rate_can_be_learned(name):
    """Hyper-parameters of the inner optimizer are inputs like any other."""
    parts, params, task = siren_task(np.float64, "sgd", 3)
    make_inner = algorithms.make("maml", parts).make_inner

    @jax.jit
    def outer_loss(rate):
        inner = make_inner(Hyper(name, rate))
        adapted, _ = adapt(inner, params, task.support, KEY, 3)
        values = SIREN.apply(adapted, coords_of(np.float64))
        return jnp.mean((values - task.query.values) ** 2)

    rate, eps = 1e-2, 1e-6
    difference = (outer_loss(rate + eps) - outer_loss(rate - eps)) / (2 * eps)
    np.testing.assert_allclose(jax.grad(outer_loss)(rate), difference, rtol=1e-6)


def test_adam_is_finite_at_zero_gradients():
    parts, params, task = siren_task(np.float32, "adam", 2)
    zeros = jax.tree.map(jnp.zeros_like, params)  # all hidden units silent: gradients vanish
    found, _ = jax.jit(algorithms.make("maml", parts).meta_gradient)(zeros, task, KEY)
    chex.assert_tree_all_finite(found)


@pytest.mark.parametrize(
    "optimizer,copies",
    [
        ("sgd", 1),
        pytest.param("momentum", 1, marks=pytest.mark.slow),
        pytest.param("adam", 4, marks=pytest.mark.slow),
    ],
)
def test_an_inner_step_keeps_what_its_update_needs(optimizer, copies):
    """SGD: weights; Adam: weights, both averages, and the gradient that it does not take as is."""
    few, size = compiled_bytes("maml", optimizer, 2, 1024)
    many, _ = compiled_bytes("maml", optimizer, 12, 1024)
    assert (many - few) / 10 <= 1.1 * copies * size


def test_memory_grows_with_the_observations_by_no_more_than_themselves():
    few, _ = compiled_bytes("maml", "sgd", 2, 1024)
    many, _ = compiled_bytes("maml", "sgd", 2, 64 * 1024)
    assert many - few <= 1.1 * 63 * 1024 * 4 * (2 + 3 + 1)


def test_steps_compile_once_whatever_their_number():
    parts, task, w, *_ = _quadratic(1, dtype=np.float32)
    inner = algorithms.make("maml", parts).make_inner(parts.hyper)
    traces = []

    def step(state, support, key):
        traces.append(1)
        return inner.step(state, support, key)

    counted = inner._replace(step=step)
    jax.jit(lambda w: adapt(counted, w, task.support, KEY, 300))(w)
    assert len(traces) == 1
