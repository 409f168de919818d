import chex
import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

from metainr.numerics import sin, sin_cos


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e3, 1e4])
def test_error_against_float64(scale):
    x = np.random.default_rng(0).uniform(-scale, scale, 200_000).astype(np.float32)
    sine, cosine = jax.jit(sin_cos)(x)
    assert np.abs(sine - np.sin(x.astype(np.float64))).max() <= 2e-7
    assert np.abs(cosine - np.cos(x.astype(np.float64))).max() <= 2e-7


def test_quarter_turns_and_zeros():
    x = (np.arange(-64, 65) * np.pi / 4).astype(np.float32)
    np.testing.assert_allclose(jax.jit(sin)(x), np.sin(x.astype(np.float64)), atol=2e-7)
    assert jax.jit(sin)(jnp.float32(0.0)) == 0


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_not_finite_gives_nan(odd):
    values = jax.jit(sin)(jnp.array([odd, 1.0], jnp.float32))
    assert np.isnan(values[0])
    np.testing.assert_allclose(values[1], np.sin(1.0), atol=2e-7)


def test_huge_arguments():
    x = np.array([1.0001e4, -3e7, 1e20, 3.4e38], np.float32)
    np.testing.assert_allclose(jax.jit(sin)(x), np.sin(x.astype(np.float64)), atol=1e-6)


def test_derivatives_of_all_orders():
    x = jnp.float32(0.7)
    expected = [np.sin(0.7), np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7)]
    function = sin
    for value in expected:
        np.testing.assert_allclose(jax.jit(function)(x), value, atol=1e-6)
        function = jax.grad(function)


def test_forward_and_reverse_agree_under_vmap_and_jit():
    x = jnp.linspace(-20, 20, 33, dtype=jnp.float32)
    forward = jax.jit(jax.vmap(jax.jacfwd(sin)))(x)
    reverse = jax.vmap(jax.grad(sin))(x)
    chex.assert_trees_all_close(forward, reverse, jnp.cos(x), atol=1e-6)


@pytest.mark.usefixtures("float64")
def test_float64_is_exact_and_checked_numerically():
    x = jnp.linspace(-50.0, 50.0, 101)
    assert sin(x).dtype == jnp.float64
    np.testing.assert_allclose(sin(x), np.sin(np.asarray(x)), atol=1e-15)
    jax.test_util.check_grads(sin, (x,), order=3)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_small_floats_keep_their_dtype(dtype):
    assert sin(jnp.ones(3, dtype)).dtype == dtype


def test_a_batch_of_arrays_takes_one_branch():
    """Under vmap the choice of a sine stays a branch: a select would run the slow one too."""
    x = jnp.ones((3, 4), jnp.float32)
    assert "conditional(" in jax.jit(jax.vmap(sin)).lower(x).compile().as_text()
    values = jnp.asarray([[1.0, 2.0], [1e6, np.nan]], jnp.float32)
    found = jax.jit(jax.vmap(sin))(values)
    np.testing.assert_allclose(found, np.sin(np.asarray(values, np.float64)), atol=1e-6)
