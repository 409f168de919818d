"""What compilers are told."""

import jax
import numpy as np
import pytest

import metainr
from metainr.evaluation import blocks
from metainr.platforms import known_options
from metainr.training import step

UNKNOWN = {"xla_tpu_enable_deduplicated_calls": "true"}  # to the compiler for CPUs


def test_options_are_left_out_where_the_compiler_does_not_know_them():
    known = {"xla_cpu_max_isa": "AVX2"}
    assert known_options(known) == known
    assert known_options(known | UNKNOWN) == {}


@pytest.mark.parametrize("module", [step, blocks])
def test_outer_steps_and_fits_are_compiled_with_the_platforms_options(module, monkeypatch):
    monkeypatch.setattr(module, "known_options", lambda options: UNKNOWN)
    images = np.random.default_rng(0).uniform(size=(10, 5, 5))
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_tpu_enable_deduplicated_calls"):
        run = metainr.learn(images, width=4, depth=2, train_steps=1)
        metainr.compare(run, inits=["standard"], steps=(0, 1))
