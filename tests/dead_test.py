"""Fits that a rate has killed are named; fits that are alike for other reasons are not."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.evaluation.fitting import Fits, Score
from metainr.objectives import image_task
from metainr.runs.dead import find_dead, warn_of_constant, warn_of_dead
from metainr.runs.problem import Setting
from metainr.runs.regression import grid_objectives
from metainr.types import Contender, Field, Hyper

WEIGHTS = {"standard": 0.0, "mean": 1.0, "meta": 2.0}
ALIVE = {"standard": [20.0, 21.0], "mean": [22.0, 23.0], "meta": [30.0, 31.0]}


def _warned(caplog, ends, weights=WEIGHTS):
    fits = {
        name: Fits({"psnr": np.array([[10.0, 12.0], values]).T}, np.empty(0))
        for name, values in ends.items()
    }
    contenders = {
        name: Contender({"w": np.full(3, value)}, None, Hyper("adam", 0.25))
        for name, value in weights.items()
    }
    warn_of_dead(fits, contenders, "psnr")
    return caplog.text


def test_inits_that_end_at_one_output_are_named_with_their_rate(caplog):
    dead = ALIVE | {"standard": [15.123456, 9.5], "mean": [15.123459, 9.500002]}
    text = _warned(caplog, dead)
    assert "same PSNR to six digits (standard by adam 0.25, mean by adam 0.25)" in text
    assert "baseline_learning_rate" in text and "meta" not in text


@pytest.mark.parametrize(
    "ends",
    [
        ALIVE,
        ALIVE | {"standard": [22.0, 21.0]},  # one signal alone
        ALIVE | {"standard": [np.nan, np.nan], "mean": [np.nan, np.nan]},  # diverged
        ALIVE | {"standard": [22.001, 23.001]},
    ],
)
def test_others_are_not(caplog, ends):
    assert not _warned(caplog, ends)


def test_a_rival_that_is_the_same_init_ends_at_the_same(caplog):
    assert not _warned(caplog, ALIVE | {"mean": ALIVE["meta"]}, WEIGHTS | {"mean": 2.0})


def test_fits_that_are_constant_are_named_with_their_rate(caplog):
    slope = np.linspace(0.2, 0.3, 12).reshape(2, 2, 3)
    flat = np.broadcast_to([0.1, 0.5, 0.9], (2, 2, 3))  # its channels differ, its points do not
    hypers = {"meta": Hyper("adam", 0.25), "standard": Hyper("sgd", 10.0)}
    assert warn_of_constant({"meta": [slope, flat], "standard": [slope]}, hypers) == ["meta"]
    assert "same values everywhere (meta by adam 0.25)" in caplog.text
    assert "baseline_learning_rate" in caplog.text
    caplog.clear()
    assert not warn_of_constant({"meta": [slope], "standard": [np.full((2, 3), np.nan)]}, hypers)
    assert not caplog.text


def test_one_dead_init_is_found_by_its_field(caplog):
    """Of views that begin with a row of one value, which only one field has everywhere."""
    image = np.random.default_rng(0).uniform(size=(4, 4, 1)).astype(np.float32)
    setting = Setting(
        make_task=image_task,
        objective=grid_objectives((4, 4), 0)[0],
        steps=(0, 1),
        match_step=1,
        score=Score(lambda params, image: {}, None),
        view=lambda params, image: image,
        target=lambda image: image,
    )
    problem = SimpleNamespace(
        field=Field(lambda key: {}, lambda p, x: p["v"] + p["w"] * x[..., :1])
    )
    slopes = {"meta": 0.0, "standard": 0.5, "mean": 0.5}
    fits = {
        name: Fits(
            {"psnr": np.array([[9.0, 10.0 + slope + len(name)]])},
            np.zeros((1, 2, 4, 4, 1)) + (np.arange(4)[:, None] if name == "mean" else 0),
            {"v": jnp.ones(1), "w": jnp.full(1, slope)},
        )
        for name, slope in slopes.items()
    }
    contenders = {
        name: Contender({"w": np.full(3, slope)}, None, Hyper("adam", 0.25))
        for name, slope in slopes.items()
    }
    key = jax.random.key(0)
    assert find_dead(problem, setting, fits, contenders, image, key) == ["meta"]
    assert "same values everywhere (meta by adam 0.25)" in caplog.text
