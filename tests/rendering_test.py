"""Volume rendering in closed form, against a loop over samples, and at the ends of the numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.cameras import RaySamples
from metainr.errors import UserError
from metainr.measurements.rendering import (
    BACKGROUNDS,
    DENSITIES,
    activate,
    composite,
    rendering,
)
from metainr.numerics import Summation, objective_gradient
from metainr.objectives import squared_error
from metainr.types import Observations, Term

SAMPLES = 16
DEPTHS = np.linspace(2, 6, SAMPLES, dtype=np.float32)[None]
LENGTH = {"white": 4 + 1e-3, "none": 1e10}
RED, BLUE = (9.0, -9.0, -9.0), (-9.0, -9.0, 9.0)
WAYS = [(background, density) for background in BACKGROUNDS for density in DENSITIES]


def _features(densities, colours=RED):
    """Raw values [1, s, 4] of one ray."""
    densities = np.broadcast_to(np.asarray(densities, np.float32), SAMPLES)
    colours = np.broadcast_to(np.asarray(colours, np.float32), (SAMPLES, 3))
    return jnp.concatenate([jnp.asarray(colours), jnp.asarray(densities)[:, None]], -1)[None]


def _sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


@pytest.mark.parametrize(("background", "density"), WAYS)
def test_empty_space_is_the_background(background, density):
    found = composite(_features(-1e30), DEPTHS, background, density)
    np.testing.assert_array_equal(found.colours[0], [BACKGROUNDS[background].colour] * 3)
    np.testing.assert_array_equal([*found.depth, *found.opacity], [6, 0])


@pytest.mark.parametrize("sigma", [1e-6, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_homogeneous_slab_in_closed_form(background, sigma):
    found = composite(_features(sigma), DEPTHS, background, "relu")
    opacity = -np.expm1(-sigma * LENGTH[background])
    expected = opacity * _sigmoid(RED) + (1 - opacity) * BACKGROUNDS[background].colour
    np.testing.assert_allclose(found.opacity[0], opacity, rtol=2e-6)
    np.testing.assert_allclose(found.colours[0], expected, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize(("background", "density"), WAYS)
def test_a_wall_hides_what_is_behind(background, density):
    behind = np.arange(SAMPLES) > 5
    colours = np.where(behind[:, None], BLUE, RED)
    densities = np.where(np.arange(SAMPLES) < 5, -1e4, 1e4)
    found = composite(_features(densities, colours), DEPTHS, background, density)
    np.testing.assert_allclose(found.colours[0], _sigmoid(RED), atol=1e-6)
    np.testing.assert_allclose(found.depth[0], DEPTHS[0, 5], rtol=1e-6)
    np.testing.assert_allclose(found.opacity[0], 1)


def _loop(features, depths, background, density):
    """Front to back in float64, sample by sample."""
    colour, last = {"white": (1.0, 1e-3), "none": (0.0, 1e10)}[background]
    rendered = []
    for raw, z in zip(np.asarray(features, np.float64), np.asarray(depths, np.float64)):
        light, total, depth = 1.0, np.zeros(3), 0.0
        for k, (*rgb, sigma) in enumerate(raw):
            sigma = np.log1p(np.exp(sigma)) if density == "softplus" else max(sigma, 0)
            alpha = 1 - np.exp(-sigma * (z[k + 1] - z[k] if k + 1 < len(z) else last))
            total, depth = total + light * alpha * _sigmoid(rgb), depth + light * alpha * z[k]
            light *= 1 - alpha
        rendered.append([*(total + light * colour), depth + light * z[-1], 1 - light])
    return np.array(rendered)


@pytest.mark.parametrize(("background", "density"), WAYS)
def test_generic_rays_equal_a_loop_over_samples(background, density):
    generator = np.random.default_rng(0)
    features = generator.normal(0, 2, (50, SAMPLES, 4)).astype(np.float32)
    depths = np.sort(generator.uniform(1, 5, (50, SAMPLES))).astype(np.float32)
    expected = _loop(features, depths, background, density)
    for render in (composite, jax.jit(composite, static_argnums=(2, 3))):
        colours, depth, opacity = render(features, depths, background, density)
        np.testing.assert_allclose(colours, expected[:, :3], atol=2e-6)
        np.testing.assert_allclose(depth, expected[:, 3], rtol=2e-6)
        np.testing.assert_allclose(opacity, expected[:, 4], atol=2e-6)


@pytest.mark.parametrize(("background", "density"), WAYS)
def test_values_and_two_derivatives_are_finite(background, density):
    raw = jnp.asarray([-1e30, -1.0, 0.0, 1e-30, 1e-9, 1.0, 1e10, 1e30])
    features = jnp.concatenate([_features(x) for x in raw])
    features = jnp.concatenate([features, features.at[:, SAMPLES // 2, 3].set(0.5)])

    def loss(features):
        rendered = composite(features[None], DEPTHS, background, density)
        return jnp.sum(jnp.square(rendered.colours - 0.3)) + rendered.depth[0]

    @jax.jit
    @jax.vmap
    def derivatives(x):
        gradient, product = jax.jvp(jax.grad(loss), (x,), (jnp.ones_like(x),))
        return loss(x), gradient, product, jax.grad(lambda x: jnp.sum(jax.grad(loss)(x)))(x)

    found = derivatives(features)
    for array in found:
        assert bool(jnp.isfinite(array).all())
    for product, reverse in zip(*found[2:]):  # forward over reverse mode, and reverse over reverse
        scale = float(jnp.abs(product).max())
        np.testing.assert_allclose(product, reverse, rtol=1e-3, atol=1e-5 * scale)


@pytest.mark.usefixtures("float64")
def test_derivatives():
    """Against central differences of values and of gradients."""
    generator = np.random.default_rng(1)
    features, direction = generator.normal(size=(2, 3, 6, 4))
    depths = np.sort(generator.uniform(1, 3, (3, 6)))

    def loss(features):
        rendered = composite(features, depths)
        return sum(jnp.sum(jnp.sin(3 * x)) for x in rendered)

    function = jax.jit(jax.value_and_grad(loss))
    _, product = jax.jit(lambda x, v: jax.jvp(jax.grad(loss), (x,), (v,)))(features, direction)
    step = 1e-5
    (above, slope_above), (below, slope_below) = (
        function(features + sign * step * direction) for sign in (1, -1)
    )
    slope = np.sum(function(features)[1] * direction)
    np.testing.assert_allclose((above - below) / (2 * step), slope, rtol=1e-7)
    np.testing.assert_allclose((slope_above - slope_below) / (2 * step), product, atol=1e-7)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_measurement_renders_a_ball(background):
    """Rays by a dense ball of radius 1 at the origin: one hits it and one does not."""
    rays = RaySamples(
        jnp.asarray([[0.0, -4, 0], [1.5, -4, 0]]),
        jnp.asarray([[0.0, 1, 0]] * 2),
        jnp.asarray(np.repeat(np.linspace(2, 6, 65, dtype=np.float32)[None], 2, 0)),
    )

    def field(coords):
        inside = jnp.linalg.norm(coords, axis=-1, keepdims=True) < 1
        return jnp.concatenate([9 * coords, jnp.where(inside, 1e3, -1e3)], -1)

    measurement = rendering(background, "softplus")
    coords = measurement.points(rays)
    assert coords.shape == (2, 65, 3) and not measurement.coupled
    np.testing.assert_allclose(coords[1, 16], [1.5, -1, 0])
    found = jax.jit(lambda x: measurement.pool(measurement.local(field, x), rays))(coords)
    expected = _sigmoid([0, 9 * -0.9375, 0])  # the first sample inside
    np.testing.assert_allclose(found[0], expected, atol=1e-6)
    np.testing.assert_array_equal(found[1], [BACKGROUNDS[background].colour] * 3)


@pytest.mark.slow
def test_chunks_and_mixed_mode_change_nothing():
    """A meta-gradient through one step, by the engine in chunks and by plain reverse mode."""
    keys = jax.random.split(jax.random.key(0), 6)
    origins, directions, targets = (jax.random.normal(key, (12, 3)) for key in keys[:3])
    rays = RaySamples(origins, directions, jnp.repeat(jnp.asarray(DEPTHS), 12, 0))
    observations = Observations(rays, targets, jnp.ones(12))
    term = Term(lambda *_: observations, rendering(), squared_error)
    weights = {"a": jax.random.normal(keys[4], (3, 8)), "b": jax.random.normal(keys[5], (8, 4))}

    def field(params, coords):
        return jnp.dot(jnp.tanh(jnp.dot(coords, params["a"])), params["b"])

    def after_a_step(params, summation):
        gradient = objective_gradient((term,), field, summation)
        _, slope = gradient(params, None, keys[3], 0)
        stepped = jax.tree.map(lambda p, g: p - 0.1 * g, params, slope)
        return gradient(stepped, None, keys[3], 1)[0]

    found, plain = (
        jax.jit(jax.grad(functools.partial(after_a_step, summation=how)))(weights)
        for how in (Summation(5 * SAMPLES, plain_mode_points=0), Summation(None, None, 10**9))
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(plain), strict=True):
        assert float(jnp.abs(b).max()) > 1e-5
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(jnp.abs(b).max()))


def test_densities_are_per_length_of_the_direction():
    """A direction of length 2 changes where the field is asked and nothing else."""
    measurement = rendering()
    rays = RaySamples(jnp.zeros((1, 3)), jnp.asarray([[0.0, 0, 2]]), jnp.asarray(DEPTHS))
    np.testing.assert_allclose(measurement.points(rays)[0, :, 2], 2 * DEPTHS[0])
    unit = rays._replace(directions=rays.directions / 2)
    features = _features(0.3)
    np.testing.assert_array_equal(
        measurement.pool(features, rays), measurement.pool(features, unit)
    )


def test_activations():
    raw = jnp.asarray([[0.0, 40, -40, 3], [1, 2, 3, -50]])
    np.testing.assert_allclose(activate(raw, "relu")[:, 3], [3, 0])
    np.testing.assert_allclose(activate(raw)[:, 3], np.log1p(np.exp([3, -50])), rtol=1e-6)
    np.testing.assert_allclose(activate(raw)[0, :3], [0.5, 1, 0], atol=1e-6)


@pytest.mark.parametrize("mistake", [{"background": "black"}, {"density": "exp"}])
def test_unknown_names_are_told(mistake):
    ((kind, name),) = mistake.items()
    with pytest.raises(UserError, match=f"unknown {kind} '{name}'.*choose one of"):
        rendering(**mistake)
