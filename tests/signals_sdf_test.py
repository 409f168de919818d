"""Signed distances against closed forms and a brute-force second implementation."""

import importlib

import numpy as np
import pytest
from matplotlib.path import Path

from metainr import signals
from metainr.signals.images.sdf import smooth_loop
from metainr.signals.images.sdf_mixed import random_loops
from metainr.signals.images.signed_distance import inside, signed_distance


def _grid(resolution):
    grid = np.arange(resolution) / resolution
    return np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)


def _circle(centre, radius, points=4096):
    angle = np.arange(points) * (2 * np.pi / points)
    return centre + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _brute_force(loops, resolution):
    """The distance to every edge in float64; a pixel is in if an odd number of loops holds it."""
    pixels = _grid(resolution).reshape(-1, 1, 2)
    nearest = np.full(len(pixels), np.inf)
    odd = np.zeros(len(pixels), bool)
    for loop in loops:
        odd ^= Path(loop).contains_points(pixels[:, 0])
        start, edge = loop, np.roll(loop, -1, axis=0) - loop
        for part in np.array_split(np.arange(len(loop)), max(1, len(loop) // 256)):
            along = ((pixels - start[part]) * edge[part]).sum(-1) / (edge[part] ** 2).sum(-1)
            gap = pixels - start[part] - np.clip(along, 0, 1)[..., None] * edge[part]
            nearest = np.minimum(nearest, np.hypot(gap[..., 0], gap[..., 1]).min(1))
    return np.where(odd, -nearest, nearest).reshape(resolution, resolution)


@pytest.mark.parametrize("resolution", [16, 37, 64])
def test_circle_in_closed_form(resolution):
    centre, radius = np.array([0.42, 0.55]), 0.31
    expected = np.linalg.norm(_grid(resolution) - centre, axis=-1) - radius
    actual = signed_distance([_circle(centre, radius)], resolution, spacing=0.5)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_rectangle_in_closed_form():
    low, high = np.array([0.2, 0.35]), np.array([0.7, 0.6])
    corners = np.array([[0.2, 0.35], [0.2, 0.6], [0.7, 0.6], [0.7, 0.35]])
    beyond = np.maximum(low - _grid(64), _grid(64) - high)
    expected = np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(-1), 0)
    for loop in (corners, corners[::-1]):
        actual = signed_distance([loop], 64, spacing=0.1)
        np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_ring_and_disc_in_closed_form():
    ring, disc = np.array([0.3, 0.3]), np.array([0.7, 0.75])
    loops = [_circle(ring, 0.25), _circle(ring, 0.1), _circle(disc, 0.15)]
    to_ring = np.abs(np.linalg.norm(_grid(64) - ring, axis=-1) - 0.175) - 0.075
    to_disc = np.linalg.norm(_grid(64) - disc, axis=-1) - 0.15
    actual = signed_distance(loops, 64, spacing=0.1)
    np.testing.assert_allclose(actual, np.minimum(to_ring, to_disc), atol=1e-6)


def test_loops_may_leave_the_image():
    loop = _circle(np.array([0.1, 0.95]), 0.4)
    expected = np.linalg.norm(_grid(32) - [0.1, 0.95], axis=-1) - 0.4
    np.testing.assert_allclose(signed_distance([loop], 32, spacing=0.5), expected, atol=1e-6)


def test_corners_on_pixels_do_not_leak():
    diamond = np.array([[2, 4], [4, 2], [6, 4], [4, 6]]) / 8
    distance = np.abs(_grid(8) - 0.5).sum(-1) - 0.25
    marked = inside([diamond], 8)
    assert marked[distance < 0].all()
    assert not marked[distance > 0].any()


@pytest.mark.parametrize("seed", range(4))
def test_smooth_curves_against_a_finer_one(seed, monkeypatch):
    module = importlib.import_module("metainr.signals.images.sdf")
    curves = []
    for points in (module._POINTS, 8192):
        monkeypatch.setattr(module, "_POINTS", points)
        curves.append(0.5 + 0.42 * smooth_loop(np.random.default_rng(seed)))
    # Few pixels, but the tolerance of many.
    actual, expected = signed_distance(curves[:1], 32, spacing=0.5), _brute_force(curves[1:], 32)
    assert np.abs(actual - expected).max() < 0.05 / 178


@pytest.mark.parametrize("seed", range(6))
def test_mixed_shapes_against_brute_force(seed):
    loops = random_loops(np.random.default_rng(seed))
    error = signed_distance(loops, 48, spacing=0.1) - _brute_force(loops, 48)
    assert np.abs(error).max() < 0.05 / 48


@pytest.mark.parametrize("seed", range(20))
def test_smooth_curves_are_simple(seed):
    loop = smooth_loop(np.random.default_rng(seed))
    turn = np.diff(np.unwrap(np.arctan2(loop[:, 1], loop[:, 0])))
    assert turn.min() > 0
    assert turn.sum() < 2 * np.pi
    np.testing.assert_allclose(np.hypot(*loop.T).max(), 1)


@pytest.mark.parametrize("seed", range(30))
def test_mixed_boundaries_are_apart_and_in_the_image(seed):
    loops = random_loops(np.random.default_rng(seed))
    assert all(loop.min() > 0 and loop.max() < 1 for loop in loops)
    for first, one in enumerate(loops):
        for other in loops[first + 1 :]:
            held = Path(one).contains_points(other)
            assert held.all() or not held.any()


def test_mixed_has_holes_and_several_components():
    counts = [len(random_loops(np.random.default_rng(seed))) for seed in range(60)]
    assert min(counts) == 1
    assert max(counts) >= 5


@pytest.mark.parametrize("name", ["sdf", "sdf_mixed"])
def test_slope_is_one(name):
    signal = signals.make(name, signals.ImageOptions(128))
    for index in range(3):
        image = signal.get("train", index)[..., 0].astype(np.float64)
        slope = np.hypot(*np.gradient(image * 128))[1:-1, 1:-1]
        unclipped = image[1:-1, 1:-1] < 0.97
        # Nowhere steeper than 1; flatter only where two parts of the boundary are equally near.
        assert np.abs(np.diff(image, axis=0)).max() < 1.001 / 128
        assert np.abs(np.diff(image, axis=1)).max() < 1.001 / 128
        assert np.mean(np.abs(slope[unclipped] - 1) < 0.02) > 0.75


def test_values_are_above_half_outside_and_channels_equal():
    signal = signals.make("sdf", signals.ImageOptions(64))
    for index in range(20):
        image = signal.get("train", index)
        assert image.min() < 0.5
        border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert border.min() > 0.5
        np.testing.assert_array_equal(image[..., 1:], image[..., :1].repeat(2, axis=-1))


def test_rows_come_first_and_pixels_lie_on_the_grid_points():
    distance = signed_distance([_circle(np.array([0.25, 0.5]), 0.1)], 16, spacing=0.5)
    assert np.unravel_index(distance.argmin(), distance.shape) == (4, 8)
    np.testing.assert_allclose(distance[4, 8], -0.1, atol=1e-6)
