"""The emulated roundings are those that they say, in products and in their derivatives."""

import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from tiny_runs import ROOT

from benchmarks.ours import first_params, make_field
from benchmarks.rounded import FULL, Passes, rounded, rounded_product
from benchmarks.setting import Setting

RNG = np.random.default_rng(0)
X, Y, V = (RNG.standard_normal(shape, np.float32) for shape in ((64, 48), (48, 32), (64, 32)))


def _error(found, exact):
    return np.linalg.norm(found - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize(
    ("passes", "least", "most"), [(0, 0, 1e-6), (6, 0, 1e-6), (3, 1e-6, 2e-5), (1, 1e-3, 5e-3)]
)
def test_errors_of_products_and_derivatives(passes, least, most):
    product = rounded_product(passes)
    x, y, v = (a.astype(np.float64) for a in (X, Y, V))
    found, pullback = jax.vjp(product, X, Y)
    errors = [_error(found, x @ y)]
    errors += [_error(a, b) for a, b in zip(pullback(V), (v @ y.T, x.T @ v))]
    assert all(least <= error <= most for error in errors), errors


def test_without_rounding_it_is_the_field():
    setting = Setting(width=16, depth=3, omega=20.0)
    params, coords = first_params(setting), RNG.uniform(size=(9, 2)).astype(np.float32)
    expected = make_field(setting).apply(params, coords)
    np.testing.assert_allclose(
        rounded(make_field(setting), FULL).apply(params, coords), expected, atol=1e-5
    )
    coarse = rounded(make_field(setting), Passes(0, 1, 0)).apply(params, coords)
    assert np.abs(coarse - expected).max() > 1e-4


@pytest.mark.slow
def test_slices_are_fitted_from_their_views():
    command = [sys.executable, "-m", "benchmarks.roundings", "--num_test=1"]
    done = subprocess.run(
        [*command, "--inits=ready:phantoms48"], cwd=ROOT, capture_output=True, text=True
    )
    found = re.search(r"float32 \| ([\d.]+) \|", done.stdout)
    assert found and float(found[1]) > 22, done.stderr
