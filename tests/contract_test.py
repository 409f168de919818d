"""What every field, measurement, algorithm, draw, inner optimizer and way to sum keep together.

New entries of the registries take part by themselves: in pairs here, in the full product in the
tests marked slow.
"""

import functools
import itertools
import os
import subprocess
import sys
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metainr import algorithms, fields, measurements
from metainr.algorithms.optimizers import REGISTRY as OPTIMIZERS
from metainr.devices import divide, make_mesh, observation_axis, replicate
from metainr.numerics import Summation, objective_gradient
from metainr.objectives import Samples, all_points, pixel_grid, random_points, squared_error
from metainr.training import init_state, make_train_step
from metainr.types import Algorithm, Field, Inner, Task, Term

SIDE, STEPS = 6, 2
COORDS = pixel_grid((SIDE, SIDE))
DRAWS = {
    "all_points": lambda: all_points(COORDS),
    "random_points": lambda: random_points(COORDS, 9),
}
SUMS = {
    "chunked_mixed": Summation(chunk_size=20, plain_mode_points=0),
    "whole_plain": Summation(plain_mode_points=10**9),
}
RATES = {"sgd": 1e-2, "momentum": 1e-2}  # others: 1e-3
KEY = jax.random.key(0)


class Case(NamedTuple):
    field: str = "siren"
    algorithm: str = "maml"
    draw: str = "all_points"
    optimizer: str = "sgd"
    measurement: str = "value"
    sums: str = "chunked_mixed"


CHOICES = Case(
    *map(
        list,
        (fields.REGISTRY, algorithms.REGISTRY, DRAWS, OPTIMIZERS, measurements.REGISTRY, SUMS),
    )
)
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


def _build(case, rate=None, steps=STEPS, axis_name=None):
    options = fields.FieldOptions(width=8, depth=3, omega=10.0, first_omega=10.0, octaves=3.0)
    field = fields.make(case.field, options._replace(fourier_scale=3.0))

    summation = SUMS[case.sums]._replace(axis_name=axis_name)

    def gradient(draw):
        term = Term(draw, measurements.REGISTRY[case.measurement](), squared_error)
        return objective_gradient((term,), field.apply, summation)

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


@pytest.mark.parametrize("case", [case for case in PRODUCT if case.values[0].sums == "whole_plain"])
def test_chunks_and_mixed_mode_change_nothing(case):
    params, task = _meta_params(_build(case)), _make_task(jnp.asarray(_signal(0)))
    plain, plain_info = _compiled(case)(params, task, KEY)
    mixed, mixed_info = _compiled(case._replace(sums="chunked_mixed"))(params, task, KEY)
    assert _norm_distance(mixed, plain) < 1e-4
    chex.assert_trees_all_close(mixed_info, plain_info, rtol=1e-4)


def _norm_distance(tree, other):
    """Largest relative norm of a leaf's difference."""
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    return max(float(jnp.linalg.norm(a - b) / jnp.linalg.norm(b)) for a, b in pairs)


SHARDED = [case for case in PRODUCT if case.values[0].sums == "chunked_mixed"]


@pytest.mark.skipif(len(jax.devices()) < 2, reason="test_sharded runs it with two devices")
@pytest.mark.parametrize("num_tasks", [2, 1])
@pytest.mark.parametrize("case", SHARDED)
def test_two_devices_change_nothing(case, num_tasks):
    """One task each, or half of a task's observations each."""
    optimizer = optax.sgd(1.0)
    signals = np.stack([_signal(number) for number in range(num_tasks)])

    def step(devices):
        mesh = make_mesh(num_tasks, devices)
        algorithm = _build(case, axis_name=observation_axis(mesh)).algorithm
        train_step = make_train_step(algorithm, optimizer, _make_task, mesh)
        state = replicate(init_state(algorithm, optimizer, KEY), mesh)
        state, metrics = train_step(state, divide(signals, mesh))
        return jax.tree.map(np.asarray, (state.meta_params, metrics))

    chex.assert_trees_all_close(
        step(jax.devices()[:2]), step(jax.devices()[:1]), rtol=1e-4, atol=1e-6
    )


def _run_sharded(marker):
    """Runs the tests of two devices in a process that has them."""
    options = ["-k", "two_devices", "-m", marker, "--override-ini=addopts="]
    command = [sys.executable, "-m", "pytest", __file__, *options]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout and " skipped" not in run.stdout


def test_sharded():
    _run_sharded("not slow")


@pytest.mark.slow
def test_sharded_in_the_full_product():
    _run_sharded("slow")
