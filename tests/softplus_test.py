import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

from metainr.numerics import softplus


def test_error_against_float64():
    x = np.linspace(-100, 100, 200_001).astype(np.float32)
    exact = np.logaddexp(0, x.astype(np.float64))
    found = jax.jit(softplus)(x)
    np.testing.assert_allclose(found, exact, rtol=5e-7, atol=1e-37)


def test_ends_of_the_line():
    x = jnp.asarray([-np.inf, -1e30, 0.0, 1e30, np.inf, np.nan], jnp.float32)
    expected = np.asarray([0, 0, np.log(2), 1e30, np.inf, np.nan], np.float32)
    np.testing.assert_allclose(softplus(x), expected, rtol=1e-6)
    slopes = jax.vmap(jax.grad(softplus))(x)
    np.testing.assert_allclose(slopes, [0, 0, 0.5, 1, 1, np.nan])


@pytest.mark.usefixtures("float64")
def test_derivatives():
    jax.test_util.check_grads(softplus, (jnp.linspace(-30.0, 30.0, 61),), order=3)
