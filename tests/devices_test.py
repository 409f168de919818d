"""Many devices compute what one does, and say which numbers of tasks they can share."""

import functools
import os
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest
from tiny_runs import assert_same_but_for_rounding, finish, start, steps

from metainr import algorithms, fields
from metainr.algorithms import make_parts
from metainr.devices import (
    TASK,
    divide,
    make_mesh,
    map_tasks,
    observation_axis,
    own_rows,
    replicate,
)
from metainr.errors import UserError
from metainr.evaluation.fitting import Score, make_evaluate
from metainr.keys import branch
from metainr.measurements import value
from metainr.numerics import Summation
from metainr.objectives import (
    all_points,
    image_task,
    pixel_grid,
    random_points,
    squared_error,
)
from metainr.training import Numbered, init_state, make_train_step
from metainr.types import Contender, Hyper, Term

SIDE, STEPS, TOLERANCE = 12, 20, 1e-5
COORDS = pixel_grid((SIDE, SIDE))
FIELD = fields.make("siren", fields.FieldOptions(width=16, depth=3, omega=30.0))
DRAWS = {"all_points": all_points(COORDS), "random_points": random_points(COORDS, 40)}
SHARED = [(8, 8), (2, 8), (1, 8), (4, 2), (1, 3)]  # (tasks, devices)
QUICK = [(1, 3)]
ALGORITHMS = list(algorithms.REGISTRY)

eight = pytest.mark.skipif(len(jax.devices()) < 8, reason="test_on_eight_devices runs it")


def _learner(algorithm, draw, mesh):
    objective = (Term(DRAWS[draw], value(), squared_error),)
    summation = Summation(32, observation_axis(mesh))
    parts = make_parts(FIELD, objective, objective, Hyper("sgd", 1e-2), 2, summation)
    return algorithms.make(algorithm, parts)


def _signals(step, num_tasks):
    """Waves [tasks, h, w, 3]; noise would make training amplify differences in rounding."""
    generator = np.random.default_rng(step)
    frequencies = generator.uniform(-6, 6, (num_tasks, 2, 3))
    waves = np.sin(COORDS @ frequencies + generator.uniform(0, 6, (num_tasks, 1, 3)))
    return (waves / 2 + 0.5).reshape(num_tasks, SIDE, SIDE, 3).astype(np.float32)


@functools.cache
def _trained(algorithm, draw, num_tasks, num_devices, microbatch=None):
    """Meta-parameters after training on a number of devices."""
    mesh = make_mesh(num_tasks, jax.devices()[:num_devices])
    learner = _learner(algorithm, draw, mesh)
    optimizer = optax.adam(1e-4)
    train_step = make_train_step(learner, optimizer, image_task, mesh, microbatch)
    state = replicate(init_state(learner, optimizer, jax.random.key(0)), mesh)
    for step in range(STEPS):
        batch = Numbered(_signals(step, num_tasks), np.arange(num_tasks, dtype=np.int32))
        state, metrics = train_step(state, divide(batch, mesh))
    assert bool(metrics["finite"])
    return jax.tree.map(np.asarray, state.meta_params)


def _assert_close(tree, other, tolerance=TOLERANCE):
    """Fails unless every leaf's difference is small by its norm."""
    for leaf, expected in zip(jax.tree.leaves(tree), jax.tree.leaves(other), strict=True):
        assert np.linalg.norm(leaf - expected) < tolerance * np.linalg.norm(expected)


def _cases():
    for algorithm in ALGORITHMS:
        for draw in DRAWS:
            for shared in SHARED:
                one_of_each = (draw, shared) == ("random_points", (2, 8))
                of_maml = (algorithm, draw) == ("maml", "all_points") and shared in QUICK
                # Modulations divide the most; the sums of others are MAML's.
                quick = of_maml or one_of_each and algorithm == "modulations"
                marks = () if quick else pytest.mark.slow
                yield pytest.param(algorithm, draw, *shared, marks=marks)


@eight
@pytest.mark.parametrize(("algorithm", "draw", "num_tasks", "num_devices"), list(_cases()))
def test_devices_train_as_one_does(algorithm, draw, num_tasks, num_devices):
    shared = _trained(algorithm, draw, num_tasks, num_devices)
    _assert_close(shared, _trained(algorithm, draw, num_tasks, 1))
    initial = _learner(algorithm, draw, None).init(branch(jax.random.key(0), "init"))
    moved = [np.linalg.norm(a - b) for a, b in zip(*map(jax.tree.leaves, (shared, initial)))]
    assert min(moved) > 1e-4  # what never moved would agree


@eight
@pytest.mark.slow
@pytest.mark.parametrize("microbatch", [2, 4])
def test_task_microbatch_changes_nothing(microbatch):
    shared = _trained("maml", "all_points", 8, 2, microbatch)
    _assert_close(shared, _trained("maml", "all_points", 8, 1))


@eight
def test_devices_evaluate_as_one_does():
    def fits(mesh):
        make_inner = _learner("maml", "all_points", None).make_inner
        score = Score(lambda params, signal: {"first": FIELD.apply(params, COORDS[:1])[0, 0]}, None)
        evaluate = make_evaluate(
            image_task, score, lambda params, image: FIELD.apply(params, COORDS), mesh
        )
        contender = Contender(FIELD.init(jax.random.key(1)), make_inner, Hyper("sgd", 1e-2))
        return evaluate(contender, _signals(0, 11), [0, 2], jax.random.key(2), 3)

    one = fits(None)
    many = fits(make_mesh(2, jax.devices()[:8]))
    np.testing.assert_allclose(many.metrics["first"], one.metrics["first"], atol=TOLERANCE)
    np.testing.assert_allclose(many.views, one.views, atol=TOLERANCE)


@eight
def test_observations_are_divided_where_tasks_are_few():
    devices = jax.devices()
    assert make_mesh(2, devices[:8]).shape == {TASK: 2, "observation": 4}
    assert make_mesh(8, devices[:2]).shape == {TASK: 2, "observation": 1}
    assert make_mesh(1, devices[:1]) is None
    assert observation_axis(make_mesh(8, devices[:8])) is None
    assert own_rows(4, make_mesh(4, devices[:8])) == slice(0, 4)


@eight
def test_what_cannot_be_divided_is_refused_with_what_can():
    with pytest.raises(UserError, match="3 tasks .* 8 devices; .*=1, 2, 4 or 8 .*num_devices=6"):
        make_mesh(3, jax.devices()[:8])
    with pytest.raises(UserError, match=r"task_microbatch=3 .* 4 tasks .* \[1, 2, 4\]"):
        map_tasks(lambda x: x, np.zeros((4, 1)), microbatch=3)


@pytest.mark.parametrize("marker", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_on_eight_devices(marker):
    """Runs the tests above in a process that has them."""
    command = [sys.executable, "-m", "pytest", "-s", __file__, "-k", "not on_eight and not a_run"]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    run = subprocess.run(
        [*command, "-m", marker, "--override-ini=addopts="],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert " passed" in run.stdout and " skipped" not in run.stdout


@pytest.mark.slow
def test_a_run_on_eight_devices_goes_on_with_one(tmp_path):
    flags = ("--tasks_per_step=2", "--num_test=3", "--outer_learning_rate=1e-3")
    divided, alone = tmp_path / "divided", tmp_path / "alone"
    eight_devices = ("env", "XLA_FLAGS=--xla_force_host_platform_device_count=8")
    for process in (
        start(divided, *flags, "--train_steps=4", wrapper=eight_devices),
        start(alone, *flags, "--train_steps=8"),
    ):
        code, errors = finish(process)
        assert code == 0, errors
    assert steps(divided) == [4]
    code, errors = finish(start(divided, *flags, "--train_steps=8"))
    assert code == 0, errors
    assert_same_but_for_rounding(divided, alone, 8)
