"""Fits that are kept are those that were made, and no others."""

import chex
import jax.numpy as jnp
import numpy as np

from metainr.runs.kept import keep_in

START = {"dense_0": {"kernel": jnp.zeros((2, 3))}}
SUPPORT = jnp.arange(4.0)


def test_a_fit_is_made_once_for_each_start_and_support(tmp_path):
    made = []

    def make():
        made.append(len(made))
        kernel = np.float32(np.random.default_rng(made[-1]).normal(size=(2, 3)))
        return {"dense_0": {"kernel": jnp.asarray(kernel)}}, 0.1 * (1 + made[-1])

    def given(start=START, support=SUPPORT):
        return keep_in(tmp_path / "inits")("mean", start, support, make)

    first = given()
    chex.assert_trees_all_equal(given(), first)
    assert made == [0]
    given(support=SUPPORT + 1)
    given(start={"dense_0": {"kernel": jnp.ones((2, 3))}}, support=SUPPORT + 1)
    assert made == [0, 1, 2]
    file = tmp_path / "inits/mean.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    assert given()[1] == 0.1 * 4
