"""What every field, measurement, algorithm, draw, inner optimizer and way to sum keep together.

New entries of the registries take part by themselves: in pairs here, in the full product in the
tests marked slow. A measurement brings what it is tested on: its entry of DATA.
"""

import functools
import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from metainr import algorithms, fields, measurements
from metainr.algorithms import adapt, make_parts
from metainr.algorithms.optimizers import REGISTRY as OPTIMIZERS
from metainr.cameras import RaySamples
from metainr.devices import divide, make_mesh, observation_axis, replicate
from metainr.numerics import Summation
from metainr.objectives import (
    Samples,
    all_points,
    pixel_grid,
    random_points,
    random_rows,
    squared_error,
)
from metainr.training import Numbered, init_state, make_train_step
from metainr.types import Algorithm, Field, Hyper, Inner, Parts, Task, Term

STEPS = 2


class Data(NamedTuple):
    """What a measurement is tested on.

    inputs: its own, n ≥ 4 of them along their leaves' first axis.
    in_dim, out_dim: of the fields it can measure.
    chunk_size: of so many field evaluations that two chunks are needed, and overlap.
    options: of these fields, where others than those below are needed.
    scale: of the loss, where it is steep.
    """

    inputs: Any
    in_dim: int
    out_dim: int
    chunk_size: int
    options: Mapping[str, Any] = {}
    scale: float = 1.0


def _rays(num_rays, num_samples):
    """Rays that cross the unit cube, and depths at uneven distances."""
    rng = np.random.default_rng(0)
    origins, directions = rng.uniform(0, 0.5, (num_rays, 3)), rng.uniform(0.2, 1, (num_rays, 3))
    depths = np.sort(rng.uniform(0, 1, (num_rays, num_samples)))
    return RaySamples(*(x.astype(np.float32) for x in (origins, directions, depths)))


# Derivatives of high frequencies make losses too steep for the rates below, and from a ReLU's
# Laplacian, which is zero, nothing is learned.
_SMOOTH = {
    "omega": 2.0,
    "first_omega": 2.0,
    "octaves": 0.5,
    "fourier_scale": 0.5,
    "activation": "tanh",
    "first_bias": 0.1,
}
# In one dimension the signals' waves would solve the equation.
_EVENTS = np.random.default_rng(1).uniform(size=(25, 3)).astype(np.float32)
DATA = {
    "value": Data(pixel_grid((6, 6)), in_dim=2, out_dim=3, chunk_size=20),
    "projection": Data(np.arange(5, dtype=np.float32), in_dim=2, out_dim=1, chunk_size=140),
    "rendering": Data(_rays(7, 5), in_dim=3, out_dim=4, chunk_size=20),
    "gradient": Data(pixel_grid((5, 5)), 2, 2, chunk_size=20, options=_SMOOTH),
    "laplacian": Data(pixel_grid((5, 5)), 2, 1, chunk_size=20, options=_SMOOTH, scale=0.1),
    "ray_projection": Data(np.arange(5, dtype=np.float32), 2, 1, chunk_size=3 * 16**2),
    "value_and_gradient": Data(pixel_grid((5, 5)), 2, 1, chunk_size=20, options=_SMOOTH),
    "divergence": Data(pixel_grid((5, 5)), 2, 2, chunk_size=20, options=_SMOOTH),
    "hessian": Data(pixel_grid((5, 5)), 2, 1, chunk_size=20, options=_SMOOTH, scale=0.1),
    "helmholtz": Data(pixel_grid((5, 5)), 2, 2, chunk_size=20, options=_SMOOTH),
    "wave": Data(_EVENTS, 3, 1, chunk_size=20, options=_SMOOTH, scale=0.1),
    "value_and_rate": Data(pixel_grid((5, 5)), 2, 1, chunk_size=20, options=_SMOOTH),
}
MEASUREMENTS = [name for name in measurements.REGISTRY if name in DATA]
# Linear in pieces: these measurements are 0 whatever the weights.
_HAS_NO_CURVATURE, _CURVATURES = {"hash_grid"}, {"laplacian", "hessian", "wave"}
# Kin of others: each is tested with one other difference, and not in the full product.
_KIN = {
    "ray_projection",
    "value_and_gradient",
    "divergence",
    "hessian",
    "helmholtz",
    "wave",
    "value_and_rate",
    "random_rows",
}
# Nested derivatives take long to compile, and all fields of sines and layers compile alike.
_SLOW = {"gradient", "laplacian", "hash_grid", "gaussian", "fourier", "mfn", "finer"} | _KIN
DRAWS = {
    "all_points": all_points,
    "random_points": lambda inputs: random_points(inputs, len(inputs) // 4),
    "random_rows": lambda inputs: random_rows(inputs, len(inputs) // 4),
}
SUMS = {
    "chunked_mixed": lambda chunk_size: Summation(chunk_size, plain_mode_points=0),
    "whole_plain": lambda chunk_size: Summation(plain_mode_points=10**9),
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
        (fields.REGISTRY, algorithms.REGISTRY, DRAWS, OPTIMIZERS, MEASUREMENTS, SUMS),
    )
)
PAIRS = sorted(
    {
        Case()._replace(**{name: choice})
        for name, choices in CHOICES._asdict().items()
        for choice in choices
        if choice not in _SLOW
    }
)


def _product(quick):
    """Combinations that make sense and differ from the usual case in few ways.

    Those that are not among the quick ones are marked slow.
    """
    return [
        pytest.param(case, id="-".join(case), marks=[] if case in quick else pytest.mark.slow)
        for case in itertools.starmap(Case, itertools.product(*CHOICES))
        if not (_HAS_NO_CURVATURE & set(case) and _CURVATURES & set(case))
        if _num_differences(case) <= (2 if _KIN & set(case) else 3)
        if _suits(algorithms.REGISTRY[case.algorithm], case)
    ]


def _suits(entry, case):
    """Whether an algorithm takes a case; of those for one field, each other is left out."""
    is_coupled = measurements.REGISTRY[case.measurement]().coupled
    return (entry.field is None or case.field == Case().field) and (
        entry.takes_coupled or not is_coupled
    )


def _num_differences(case):
    return sum(choice != usual for choice, usual in zip(case, Case()))


def _number(case):
    return list(algorithms.REGISTRY).index(case.algorithm)


def _is_usual(case, names):
    return all(getattr(case, name) == getattr(Case(), name) for name in names.split())


PRODUCT = _product(set(PAIRS))
# How a field differs from another shows where it learns; elsewhere one will do.
ONE_FIELD = {case for case in PAIRS if case.field == Case().field}
# The experiments' tests learn through the other measurements, and by all optimizers.
OF_VALUES = {case for case in PAIRS if _is_usual(case, "measurement optimizer")}
# Without jit, every operation is compiled.
UNJITTED = _product({Case()})


def _turn(cases, turn):
    """Of three tests that compile an algorithm, one does so quickly: they take turns."""
    return {case for case in cases if _is_usual(case, "algorithm") or _number(case) % 3 == turn}


LEARNED = _product(_turn(OF_VALUES, 0))
ARGUMENTS = _product(_turn(OF_VALUES & ONE_FIELD, 1))
MACHINES = _product(_turn(OF_VALUES & ONE_FIELD, 2))


class Built(NamedTuple):
    field: Field
    parts: Parts
    algorithm: Algorithm
    inner: Inner


def _build(case, rate=None, steps=STEPS, axis_name=None):
    data, measurement = DATA[case.measurement], measurements.REGISTRY[case.measurement]()
    options = fields.FieldOptions(data.in_dim, data.out_dim, width=8, depth=3, omega=10.0)
    options = options._replace(first_omega=10.0, octaves=3.0, fourier_scale=3.0)
    options = options._replace(levels=3, coarsest=2, finest=8, table_size=64)
    options = options._replace(latent_cells=2, latent_channels=2)
    name = algorithms.REGISTRY[case.algorithm].field or case.field
    field = fields.make(name, options._replace(**data.options))
    summation = SUMS[case.sums](data.chunk_size)._replace(axis_name=axis_name)

    def objective(draw):
        return (Term(_draw(draw, data.inputs), measurement, _loss, data.scale),)

    hyper = Hyper(case.optimizer, RATES.get(case.optimizer, 1e-3) if rate is None else rate)
    inner, query = objective(case.draw), objective("all_points")
    parts = make_parts(field, inner, query, hyper, steps, summation)
    algorithm = algorithms.make(case.algorithm, parts)
    return Built(field, parts, algorithm, algorithm.make_inner(hyper))


def _loss(predictions, targets):
    """Squared error over all axes but the first."""
    return squared_error(*(x.reshape(len(x), -1) for x in (predictions, targets)))


def _draw(name, inputs):
    """Draws numbers of inputs, which may be any pytree, in place of points."""
    draw_numbers = DRAWS[name](np.arange(len(jax.tree.leaves(inputs)[0]))[:, None])

    def draw(params, samples, key, step):
        rows = draw_numbers(params, samples, key, step)
        drawn = jax.tree.map(lambda x: jnp.asarray(x)[rows.inputs[:, 0]], inputs)
        return rows._replace(inputs=drawn)

    return draw


@functools.cache
def _compiled(case, steps=STEPS):
    return jax.jit(_build(case, steps=steps).algorithm.meta_gradient)


@functools.cache
def _signal(case, number):
    """What the measurement reads of waves whose phase says which signal it is."""
    data, measurement = DATA[case.measurement], measurements.REGISTRY[case.measurement]()
    phases = np.arange(data.out_dim) + number % 4 / 10

    def waves(coords):
        angles = [3 * coords.sum(-1) + phase for phase in phases]
        return 0.5 + 0.4 * jnp.sin(jnp.stack(angles, -1))

    features = measurement.local(waves, measurement.points(data.inputs))
    return np.asarray(measurement.pool(features, data.inputs))


def _make_task(targets, key=None):
    samples = Samples(targets, jnp.ones(len(targets)))
    return Task(samples, samples)


def _batch(signals):
    return Numbered(np.stack(signals), np.arange(len(signals), dtype=np.int32))


def _meta_params(built):
    """Generic ones: no bias is 0, no unit silent."""
    params = built.algorithm.init(KEY)
    return jax.tree.map(lambda x: x + 0.01 * jnp.cos(jnp.arange(x.size)).reshape(x.shape), params)


def _distance(tree, other):
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    return max(float(jnp.abs(a - b).max()) for a, b in pairs)


def test_every_measurement_has_data():
    missing = sorted(set(measurements.REGISTRY) - set(DATA))
    assert not missing, f"give DATA an entry for {missing}: inputs, in_dim, out_dim, chunk_size"


@pytest.mark.parametrize("case", LEARNED)
def test_it_learns_and_compiles_once(case):
    built, traces = _build(case), []

    def make_task(signal, key):
        traces.append(1)
        return _make_task(signal, key)

    optimizer = optax.adam(3e-3)
    step = make_train_step(built.algorithm, optimizer, make_task)
    state = init_state(built.algorithm, optimizer, KEY)
    structure = jax.eval_shape(lambda: state)
    losses = []
    for number in range(120):
        signals = [_signal(case, 2 * number), _signal(case, 2 * number + 1)]
        state, metrics = step(state, _batch(signals))
        assert bool(metrics["finite"])
        losses.append(float(metrics["loss_after"]))
    # Of many: a draw of few observations makes some losses small and some large.
    means = np.mean(np.reshape(losses, (6, 20)), axis=1)
    reached = means[-1] if algorithms.REGISTRY[case.algorithm].settles else means.min()
    assert reached < 0.7 * means[0]
    assert len(traces) == 1
    chex.assert_trees_all_equal_shapes_and_dtypes(structure, jax.eval_shape(lambda: state))


@pytest.mark.parametrize("case", UNJITTED)
def test_jitted_equals_unjitted_and_keeps_the_structure(case):
    built = _build(case)
    params, task = _meta_params(built), _make_task(jnp.asarray(_signal(case, 0)))
    jitted, info = _compiled(case)(params, task, KEY)
    with jax.disable_jit():
        plain, plain_info = built.algorithm.meta_gradient(params, task, KEY)
    assert {"loss_before", "loss_after"} <= info.keys()
    chex.assert_trees_all_equal_shapes_and_dtypes(params, jitted, plain)
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(plain))
    assert scale > 0
    chex.assert_trees_all_close(jitted, plain, rtol=1e-3, atol=1e-4 * scale)
    chex.assert_trees_all_close(info, plain_info, rtol=1e-5)


@pytest.mark.parametrize("case", ARGUMENTS)
def test_no_argument_is_ignored(case):
    built = _build(case)
    params, task = _meta_params(built), _make_task(jnp.asarray(_signal(case, 0)))
    other = _make_task(jnp.asarray(_signal(case, 3)))
    meta_gradient = _compiled(case)
    found, _ = meta_gradient(params, task, KEY)

    def differs(gradient):
        return _distance(found, gradient[0]) > 1e-7

    shifted = jax.tree.map(lambda x: 0.9 * x, params)
    assert differs(meta_gradient(shifted, task, KEY))
    scores_query = built.algorithm.work.query_gradients > 0
    assert differs(meta_gradient(params, task._replace(query=other.query), KEY)) == scores_query
    takes_steps = built.algorithm.work.inner_gradients > 0
    assert differs(meta_gradient(params, task._replace(support=other.support), KEY)) == takes_steps
    draws = takes_steps and case.draw != "all_points"
    assert differs(meta_gradient(params, task, jax.random.key(1))) == draws
    assert differs(_compiled(case, steps=STEPS + 1)(params, task, KEY)) == takes_steps


@pytest.mark.parametrize("case", MACHINES)
def test_the_inner_loop_is_a_state_machine(case):
    field, parts, _, inner = built = _build(case)
    meta_params, support = _meta_params(built), _make_task(jnp.asarray(_signal(case, 0))).support
    step = jax.jit(inner.step)
    state, losses = inner.init(meta_params), []
    params = inner.params(state)
    chex.assert_trees_all_equal_shapes_and_dtypes(params, field.init(KEY))
    if jax.tree.structure(meta_params) == jax.tree.structure(params):
        chex.assert_trees_all_equal(params, meta_params)
    for _ in range(30):
        before = jax.eval_shape(lambda state=state: state)
        state, info = step(state, support, KEY)
        losses.append(float(info["loss"]))
        chex.assert_trees_all_equal_shapes_and_dtypes(before, jax.eval_shape(lambda s=state: s))
    whole = jax.jit(lambda params: parts.query(params, support, KEY, 0)[0])
    assert whole(inner.params(state)) < whole(params)
    assert step._cache_size() == 1
    # Run at once, or stopped and taken up again: the same.
    adapted, at_once = adapt(inner, meta_params, support, KEY, 30)
    np.testing.assert_allclose(at_once, losses, rtol=1e-4)
    chex.assert_trees_all_close(adapted, inner.params(state), rtol=1e-3, atol=1e-4)
    # Whatever a first step may choose, those that follow are steps of that rate.
    still = _build(case, rate=0.0).inner
    chosen, _ = jax.jit(still.step)(still.init(meta_params), support, KEY)
    kept, _ = jax.jit(still.step)(chosen, support, KEY)
    chex.assert_trees_all_equal(still.params(kept), still.params(chosen))


WHOLE = [
    pytest.param(case, id="-".join(case), marks=[] if quick else pytest.mark.slow)
    for case in (param.values[0] for param in PRODUCT)
    if case.sums == "whole_plain"
    for quick in [case._replace(measurement="value") in PAIRS and case.measurement not in _KIN]
]


@pytest.mark.parametrize("case", WHOLE)
def test_chunks_and_mixed_mode_change_nothing(case):
    params, task = _meta_params(_build(case)), _make_task(jnp.asarray(_signal(case, 0)))
    plain, plain_info = _compiled(case)(params, task, KEY)
    mixed, mixed_info = _compiled(case._replace(sums="chunked_mixed"))(params, task, KEY)
    assert _norm_distance(mixed, plain) < 1e-4
    chex.assert_trees_all_close(mixed_info, plain_info, rtol=1e-4)


def _norm_distance(tree, other):
    """Largest relative norm of a leaf's difference; last biases have no part in derivatives."""
    pairs = zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True)
    return max(float(jnp.linalg.norm(a - b) / (jnp.linalg.norm(b) or 1)) for a, b in pairs)


# All slow: sums are divided whatever is made of them, and devices_test divides some quickly.
# With a task for each device, no measurement's sums are divided: one of them will do.
SHARDED = [
    pytest.param(case, num_tasks, id=f"{'-'.join(case)}-{num_tasks}", marks=param.marks)
    for param in _product(set())
    for case in param.values
    if case.sums == "chunked_mixed"
    for num_tasks in ((2, 1) if case.measurement == "value" else (1,))
]


@pytest.mark.skipif(len(jax.devices()) < 2, reason="test_sharded runs it with two devices")
@pytest.mark.parametrize("case, num_tasks", SHARDED)
def test_two_devices_change_nothing(case, num_tasks):
    """One task each, or half of a task's observations each."""
    optimizer = optax.sgd(1.0)
    batch = _batch([_signal(case, number) for number in range(num_tasks)])

    def step(devices):
        mesh = make_mesh(num_tasks, devices)
        algorithm = _build(case, axis_name=observation_axis(mesh)).algorithm
        train_step = make_train_step(algorithm, optimizer, _make_task, mesh)
        state = replicate(init_state(algorithm, optimizer, KEY), mesh)
        state, metrics = train_step(state, divide(batch, mesh))
        return jax.tree.map(np.asarray, (state.meta_params, metrics))

    chex.assert_trees_all_close(
        step(jax.devices()[:2]), step(jax.devices()[:1]), rtol=1e-4, atol=1e-6
    )


@pytest.mark.slow
def test_sharded():
    """Runs the tests of two devices in a process that has them."""
    options = ["-k", "two_devices", "--override-ini=addopts="]
    command = [sys.executable, "-m", "pytest", __file__, *options]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout and " skipped" not in run.stdout
