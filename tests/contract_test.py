"""What every field, algorithm, draw and inner optimizer keeps, in whatever combination.

New entries of the registries take part by themselves: in pairs here, in the full product in the
tests marked slow.
"""

import functools
import itertools
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metainr import algorithms, fields
from metainr.algorithms.optimizers import REGISTRY as OPTIMIZERS
from metainr.measurements import value
from metainr.numerics import Summation, objective_gradient
from metainr.objectives import Samples, all_points, pixel_grid, random_points, squared_error
from metainr.training import init_state, make_train_step
from metainr.types import Algorithm, Field, Inner, Task, Term

SIDE, STEPS, CHUNK = 6, 2, 20
COORDS = pixel_grid((SIDE, SIDE))
DRAWS = {
    "all_points": lambda: all_points(COORDS),
    "random_points": lambda: random_points(COORDS, 9),
}
RATES = {"sgd": 1e-2, "momentum": 1e-2}  # others: 1e-3
KEY = jax.random.key(0)


class Case(NamedTuple):
    field: str = "siren"
    algorithm: str = "maml"
    draw: str = "all_points"
    optimizer: str = "sgd"


CHOICES = Case(list(fields.REGISTRY), list(algorithms.REGISTRY), list(DRAWS), list(OPTIMIZERS))
PAIRS = sorted(
    {
        Case()._replace(**{name: choice})
        for name, choices in CHOICES._asdict().items()
        for choice in choices
    }
)
PRODUCT = [
    pytest.param(
        Case(*choice), id="-".join(choice), marks=[] if choice in PAIRS else pytest.mark.slow
    )
    for choice in itertools.product(*CHOICES)
]


class Parts(NamedTuple):
    field: Field
    inner: Inner
    algorithm: Algorithm


def _build(case, rate=None, steps=STEPS):
    options = fields.FieldOptions(width=8, depth=3, omega=10.0, first_omega=10.0, octaves=3.0)
    field = fields.make(case.field, options._replace(fourier_scale=3.0))

    def gradient(draw):
        return objective_gradient(
            (Term(draw, value(), squared_error),), field.apply, Summation(CHUNK)
        )

    rate = RATES.get(case.optimizer, 1e-3) if rate is None else rate
    optimizer = algorithms.make_optimizer(case.optimizer)(rate)
    inner = algorithms.gradient_inner(gradient(DRAWS[case.draw]()), optimizer)
    make = algorithms.make(case.algorithm)
    return Parts(field, inner, make(field.init, inner, gradient(all_points(COORDS)), steps))


@functools.cache
def _compiled(case, steps=STEPS):
    return jax.jit(_build(case, steps=steps).algorithm.meta_gradient)


def _signal(number):
    phase = np.arange(3) + number % 4 / 10
    return (0.5 + 0.4 * np.sin(3 * COORDS @ np.ones((2, 3)) + phase)).astype(np.float32)


def _make_task(signal, key=None):
    samples = Samples(signal, jnp.ones(len(COORDS)))
    return Task(samples, samples)


def _meta_params(parts):
    """Generic ones: no bias is 0, no unit silent."""
    params = parts.algorithm.init(KEY)
    return jax.tree.map(lambda x: x + 0.01 * jnp.cos(jnp.arange(x.size)).reshape(x.shape), params)


def _distance(tree, other):
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    return max(float(jnp.abs(a - b).max()) for a, b in pairs)


@pytest.mark.parametrize("case", PRODUCT)
def test_it_learns_and_compiles_once(case):
    parts, traces = _build(case), []

    def make_task(signal, key):
        traces.append(1)
        return _make_task(signal, key)

    optimizer = optax.adam(3e-3)
    step = make_train_step(parts.algorithm, optimizer, make_task)
    state = init_state(parts.algorithm, optimizer, KEY)
    structure = jax.eval_shape(lambda: state)
    losses = []
    for number in range(40):
        signals = np.stack([_signal(2 * number), _signal(2 * number + 1)])
        state, metrics = step(state, signals)
        assert bool(metrics["finite"])
        losses.append(float(metrics["loss_after"]))
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert len(traces) == 1
    chex.assert_trees_all_equal_shapes_and_dtypes(structure, jax.eval_shape(lambda: state))


@pytest.mark.parametrize("case", PRODUCT)
def test_jitted_equals_unjitted_and_keeps_the_structure(case):
    parts = _build(case)
    params, task = _meta_params(parts), _make_task(jnp.asarray(_signal(0)))
    jitted, info = _compiled(case)(params, task, KEY)
    with jax.disable_jit():
        plain, plain_info = parts.algorithm.meta_gradient(params, task, KEY)
    assert {"loss_before", "loss_after"} <= info.keys()
    chex.assert_trees_all_equal_shapes_and_dtypes(params, jitted, plain)
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(plain))
    assert scale > 0
    chex.assert_trees_all_close(jitted, plain, rtol=1e-3, atol=1e-4 * scale)
    chex.assert_trees_all_close(info, plain_info, rtol=1e-5)


@pytest.mark.parametrize("case", PRODUCT)
def test_no_argument_is_ignored(case):
    parts = _build(case)
    params, task = _meta_params(parts), _make_task(jnp.asarray(_signal(0)))
    other = _make_task(jnp.asarray(_signal(3)))
    meta_gradient = _compiled(case)
    found, _ = meta_gradient(params, task, KEY)

    def differs(gradient):
        return _distance(found, gradient[0]) > 1e-7

    shifted = jax.tree.map(lambda x: 0.9 * x, params)
    assert differs(meta_gradient(shifted, task, KEY))
    assert differs(meta_gradient(params, task._replace(support=other.support), KEY))
    if case.algorithm != "reptile":  # which has no query, as it says
        assert differs(meta_gradient(params, task._replace(query=other.query), KEY))
    assert differs(meta_gradient(params, task, jax.random.key(1))) == (case.draw != "all_points")
    assert differs(_compiled(case, steps=STEPS + 1)(params, task, KEY))


@pytest.mark.parametrize("case", PRODUCT)
def test_the_inner_loop_is_a_state_machine(case):
    parts = _build(case)
    params, support = _meta_params(parts), _make_task(jnp.asarray(_signal(0))).support
    step = jax.jit(parts.inner.step)
    state, losses = parts.inner.init(params), []
    chex.assert_trees_all_equal(parts.inner.params(state), params)
    for _ in range(30):
        before = jax.eval_shape(lambda state=state: state)
        state, info = step(state, support, KEY)
        losses.append(float(info["loss"]))
        chex.assert_trees_all_equal_shapes_and_dtypes(before, jax.eval_shape(lambda s=state: s))
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert step._cache_size() == 1
    # Run at once, or stopped and taken up again: the same.
    adapted, at_once = algorithms.adapt(parts.inner, params, support, KEY, 30)
    np.testing.assert_allclose(at_once, losses, rtol=1e-4)
    chex.assert_trees_all_close(adapted, parts.inner.params(state), rtol=1e-3, atol=1e-4)
    still = _build(case, rate=0.0).inner
    kept, _ = jax.jit(still.step)(still.init(params), support, KEY)
    chex.assert_trees_all_equal(still.params(kept), params)
