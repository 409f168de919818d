"""Random rays show the pixels that they go through, and only those of the windows."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.cameras import Views, look_at, opengl_inverse_intrinsics, pixel_rays
from metainr.measurements.rendering import rendering
from metainr.numerics import objective_gradient
from metainr.objectives import random_rays, squared_error, stratified
from metainr.types import Term

KEY = jax.random.key(0)
HEIGHT, WIDTH = 7, 9
WINDOWS = np.array([[0, 0, 7, 9], [2, 3, 4, 5], [6, 0, 1, 1]], np.int32)
RAYS, SAMPLES = 4000, 8
DRAW = jax.jit(random_rays(20, 4))
BOUNDS = np.array([[2, 6], [1, 3], [0.5, 20]], np.float32)


def _views(height=HEIGHT, width=WIDTH):
    """Images whose values are (view, row, column) / 100."""
    numbers = np.stack(np.mgrid[:3, :height, :width], -1) / 100
    eyes = [[4, 0, 1], [0, -3, 2], [1, 2, 3]]
    return Views(
        numbers.astype(np.float32),
        np.stack([look_at(eye, [0, 0, 0]) for eye in eyes]),
        np.stack([opengl_inverse_intrinsics(10 + i, height, width) for i in range(3)]),
        BOUNDS,
        WINDOWS,
    )


@functools.cache
def _drawn():
    return jax.jit(random_rays(RAYS, SAMPLES))(None, _views(), KEY, 0)


def _pixels(observations):
    """(view, row, column) of every ray."""
    return np.round(100 * np.asarray(observations.targets)).astype(int).T


def test_rays_go_through_the_pixels_whose_colours_they_have():
    drawn, views = _drawn(), _views()
    view, row, column = _pixels(drawn)
    cameras = (views.poses[view], views.inverse_intrinsics[view], views.bounds[view])
    expected = pixel_rays(*cameras, np.stack([row, column], -1).astype(np.float32))
    np.testing.assert_allclose(drawn.inputs.origins, expected.origins, rtol=1e-6)
    np.testing.assert_allclose(drawn.inputs.directions, expected.directions, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(drawn.weights, np.ones(RAYS))


def test_every_pixel_of_a_window_is_as_likely_and_no_other_drawn():
    pixels = _pixels(_drawn())
    for number, (row, column, height, width) in enumerate(WINDOWS):
        counts = np.zeros((HEIGHT, WIDTH), int)
        np.add.at(counts, tuple(pixels[1:, pixels[0] == number]), 1)
        total = counts.sum()
        assert abs(total - RAYS / 3) < 5 * np.sqrt(RAYS * 2 / 9)
        inside = counts[row : row + height, column : column + width]
        assert inside.sum() == total and inside.all()
        expected = total / inside.size
        assert np.abs(inside - expected).max() <= 5 * np.sqrt(expected)


def test_depths_are_stratified_between_their_views_bounds():
    drawn = _drawn()
    near, far = BOUNDS[_pixels(drawn)[0]].T
    shares = (np.asarray(drawn.inputs.depths) - near[:, None]) / (far - near)[:, None]
    jitter = (shares - np.linspace(0, 1, SAMPLES)) * SAMPLES
    assert jitter.min() >= -1e-4 and jitter.max() <= 1 + 1e-4
    np.testing.assert_allclose(jitter.mean(0), 0.5, atol=0.03)
    np.testing.assert_allclose(jitter.std(), 12**-0.5, atol=0.01)
    assert (np.diff(drawn.inputs.depths, axis=1) > 0).all()


def test_without_a_key_depths_are_even():
    found = stratified(jnp.asarray(BOUNDS), 5)
    np.testing.assert_allclose(found, [np.linspace(*b, 5) for b in BOUNDS], rtol=1e-6)
    assert found.dtype == jnp.float32
    assert stratified(jnp.asarray(BOUNDS), 1).tolist() == BOUNDS[:, :1].tolist()


def test_keys_decide():
    views = _views()
    one, same, other = (DRAW(None, views, jax.random.key(seed), 0) for seed in (1, 1, 2))
    for a, b, c in zip(*map(jax.tree.leaves, (one, same, other)), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.ndim == 1 or (a != c).any()  # weights are 1


def test_tasks_can_be_batched():
    views = jax.tree.map(jnp.asarray, _views())
    pair = jax.tree.map(lambda x: jnp.stack([x, x[::-1]]), views)
    keys = jax.random.split(KEY, 2)
    found = jax.jit(jax.vmap(lambda v, k: DRAW(None, v, k, 0)))(pair, keys)
    second = DRAW(None, jax.tree.map(lambda x: x[::-1], views), keys[1], 0)
    for batched, alone in zip(jax.tree.leaves(found), jax.tree.leaves(second), strict=True):
        np.testing.assert_allclose(batched[1], alone, rtol=1e-5, atol=1e-6)


def _field(params, coords):
    hidden = jnp.tanh(jnp.dot(coords, params["a"]))
    return jnp.dot(hidden, params["b"])


def _params():
    keys = jax.random.split(KEY)
    return {"a": jax.random.normal(keys[0], (3, 8)), "b": jax.random.normal(keys[1], (8, 4))}


@pytest.mark.slow
def test_steps_do_not_copy_the_images():
    objective = (Term(random_rays(16, SAMPLES), rendering(), squared_error),)
    gradient = objective_gradient(objective, _field)
    views = jax.tree.map(jnp.asarray, _views(1000, 1000))

    def loop(params, views, keys):
        def step(params, key):
            loss, slope = gradient(params, views, key, 0)
            return jax.tree.map(lambda p, g: p - 0.1 * g, params, slope), loss

        return jax.lax.scan(step, params, keys)

    meta_gradient = jax.jit(jax.grad(lambda p, v, k: loop(p, v, k)[1][-1]))
    compiled = meta_gradient.lower(_params(), views, jax.random.split(KEY, 5)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 0.1 * views.images.nbytes
