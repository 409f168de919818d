"""Whole images against rays rendered one by one, at any size, in chunks, jitted and batched."""

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr import fields
from metainr.cameras import image_pixels, look_at, opengl_inverse_intrinsics, pixel_rays
from metainr.evaluation.render import make_render
from metainr.measurements.rendering import Rendered, composite

SAMPLES = 24
OPTIONS = fields.FieldOptions(
    in_dim=3, out_dim=4, width=16, depth=3, octaves=2, frequencies=4, output_offset=0
)
FIELD = fields.make("positional", OPTIONS)
PARAMS = FIELD.init(jax.random.key(0))
POSE = look_at([3.0, 1.0, 2.0], [0, 0, 0])
BOUNDS = np.array([2.0, 6.0], np.float32)


def _camera(height, width):
    return POSE, opengl_inverse_intrinsics(1.3 * width, height, width), BOUNDS, height, width


def _plain(params, pose, inverse_intrinsics, bounds, height, width):
    """All rays at once."""
    pixels = image_pixels(height, width)
    rays = pixel_rays(pose[None], inverse_intrinsics[None], bounds[None], pixels)
    depths = np.linspace(rays.bounds[:, 0], rays.bounds[:, 1], SAMPLES, axis=1)
    coords = rays.origins[:, None] + depths[..., None] * rays.directions[:, None]
    rendered = jax.jit(lambda x: composite(FIELD.apply(params, x), depths))(coords)
    return Rendered(*(np.asarray(x).reshape(height, width, *x.shape[1:]) for x in rendered))


def _assert_close(found, expected):
    assert isinstance(found, Rendered)
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_images_of_any_size_come_from_one_program():
    traces = []

    def counted(params, coords):
        traces.append(1)
        return FIELD.apply(params, coords)

    render = make_render(counted, composite, SAMPLES, chunk_size=50 * SAMPLES)
    for height, width in [(6, 9), (60, 50), (1, 1)]:
        camera = _camera(height, width)
        found = render(PARAMS, *camera)
        assert isinstance(found.colours, np.ndarray)
        _assert_close(found, _plain(PARAMS, *camera))
    assert len(traces) == 1


@pytest.mark.parametrize("chunk_size", [3 * SAMPLES + 1, None])
def test_chunks_change_nothing_within_jit(chunk_size):
    render = make_render(FIELD.apply, composite, SAMPLES, chunk_size)
    camera, size = _camera(8, 5)[:3], (8, 5)
    found = jax.jit(lambda params, *camera: render(params, *camera, *size))(PARAMS, *camera)
    _assert_close(found, _plain(PARAMS, *camera, *size))


@pytest.mark.slow
def test_fields_can_be_batched():
    render = make_render(FIELD.apply, composite, SAMPLES, 4 * SAMPLES)
    others = [FIELD.init(jax.random.key(seed)) for seed in range(3)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *others)
    camera = _camera(5, 6)
    found = jax.jit(jax.vmap(lambda params: render(params, *camera)))(stacked)
    for number, params in enumerate(others):
        one = jax.tree.map(lambda x, number=number: x[number], found)
        _assert_close(one, _plain(params, *camera))


@pytest.mark.skipif(len(jax.devices()) < 3, reason="the next test runs it with three devices")
def test_three_devices_share_an_image():
    render = make_render(FIELD.apply, composite, SAMPLES, 4 * SAMPLES, jax.devices())
    camera = _camera(40, 30)
    _assert_close(render(PARAMS, *camera), _plain(PARAMS, *camera))


@pytest.mark.slow
@pytest.mark.skipif(len(jax.devices()) >= 3, reason="runs the one before")
def test_devices():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=3"}
    command = [sys.executable, "-m", "pytest", __file__, "-k", "three_devices"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout and " skipped" not in run.stdout


def test_a_background_reaches_the_image():
    def nothing(params, coords):
        return jnp.full((len(coords), 4), -1e4)

    for background, level in [("white", 1), ("none", 0)]:
        render = make_render(nothing, functools.partial(composite, background=background), SAMPLES)
        found = render(PARAMS, *_camera(3, 3))
        np.testing.assert_array_equal(found.colours, np.full((3, 3, 3), level))
        np.testing.assert_array_equal(found.depth, np.full((3, 3), BOUNDS[1]))
