"""Fits that another optimizer finishes, against a plain loop of both optimizers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tiny_runs import run_here
from tiny_tasks import KEY, siren_task

import metainr
from metainr import algorithms, signals
from metainr.algorithms.finishing import Finish, finishing
from metainr.algorithms.modulations import ModulationsOptions
from metainr.evaluation.tuning import RATES
from metainr.reporting import read_results
from metainr.types import Hyper

AFTER, RATE = 3, 1e-3


@pytest.mark.parametrize("decay", [None, 4])
def test_the_steps_are_those_of_both_optimizers(decay):
    parts, params, task = siren_task(np.float32, "sgd", 2)
    plain = algorithms.make("maml", parts).make_inner(Hyper("sgd", 1e-2))
    inner = finishing(plain, parts.query, Finish("adam", RATE, AFTER, decay))

    def rate(step):
        rise = RATE * jnp.minimum(1, (step * 19 / 20 + 1) / 20)
        return (
            rise
            if decay is None
            else rise * (1 + jnp.cos(jnp.pi * jnp.minimum(step / decay, 1))) / 2
        )

    adam = optax.adam(rate, eps_root=1e-16)
    state, step = inner.init(params), jax.jit(inner.step)
    wanted, opt_state = jax.tree.map(jnp.asarray, params), adam.init(params)
    for number in range(AFTER + 24):
        loss, slope = parts.query(wanted, task.support, KEY, number)
        if number < AFTER:
            updates = jax.tree.map(lambda g: -1e-2 * g, slope)
        else:
            updates, opt_state = adam.update(slope, opt_state)
        wanted = optax.apply_updates(wanted, updates)
        state, info = step(state, task.support, KEY)
        np.testing.assert_allclose(info["loss"], loss, rtol=1e-4)
    for found, expected in zip(*map(jax.tree.leaves, (inner.params(state), wanted))):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_what_an_algorithm_adapts_is_all_that_moves():
    """Of modulations the latent alone goes on: shared weights stay as they are."""
    parts, _, task = siren_task(np.float32, "sgd", 2)
    algorithm = algorithms.make("modulations", parts, ModulationsOptions(latent=4))
    learned = algorithm.init(KEY)
    inner = finishing(
        algorithm.make_inner(Hyper("sgd", 1e-2)), parts.query, Finish("adam", 1e-2, 1)
    )
    state, losses = inner.init(learned), []
    for _ in range(12):
        state, info = jax.jit(inner.step)(state, task.support, KEY)
        losses.append(float(info["loss"]))
    assert state.adapted.shape == (4,) and losses[-1] < losses[1]
    jax.tree.map(np.testing.assert_array_equal, state.held, learned)


@pytest.mark.slow
def test_its_rate_is_tuned_on_validation(tmp_path):
    """Of the learned init alone; the rate found is the best of those tried, on validation."""
    flags = ("--tune", "--finish=adam", "--test_steps=5", "--num_validation=2")
    assert run_here(tmp_path / "tuned", *flags) == 0
    inits = read_results(tmp_path / "tuned")["settings"]["default"]["inits"]
    assert [name for name, entry in inits.items() if entry.get("finish")] == ["meta"]
    found = inits["meta"]["finish"]["learning_rate"]
    assert found in RATES["adam"]
    run = metainr.load(tmp_path / "tuned")
    curves = signals.make("sdf", signals.ImageOptions(resolution=16))
    validation = [curves.get("validation", i) for i in range(2)]
    hyper = {
        "optimizer": inits["meta"]["optimizer"],
        "learning_rate": inits["meta"]["learning_rate"],
    }

    def reached(rate):
        fits = (
            run.fit(image, steps=5, finish="adam", finish_learning_rate=rate, **hyper).psnr
            for image in validation
        )
        return np.mean([*fits])

    assert reached(found) == pytest.approx(max(map(reached, RATES["adam"])), abs=1e-3)
