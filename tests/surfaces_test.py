"""The loss of oriented clouds in closed form, and measures of surfaces on spheres."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.evaluation.surfaces import (
    Triangles,
    grid_coords,
    surface_metrics,
    uniform_points,
    zero_level,
)
from metainr.measurements import value_and_gradient
from metainr.numerics import Summation, objective_gradient
from metainr.objectives.surfaces import (
    SolidSamples,
    cloud_points,
    distance_points,
    surface_loss,
)
from metainr.types import Term

KEY = jax.random.key(0)
RADIUS = 0.6


def _sphere(num, seed=0):
    directions = np.random.default_rng(seed).normal(size=(num, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def _samples(num=400):
    normals = _sphere(num)
    coords = np.random.default_rng(1).uniform(-1, 1, (num, 3))
    distances = np.linalg.norm(coords, axis=1) - RADIUS
    return SolidSamples(*(jnp.asarray(x) for x in (RADIUS * normals, normals, coords, distances)))


def _of_sphere(params, coords):
    """The exact distance, times `scale` and plus `shift`, which are the params."""
    away = jnp.sqrt(jnp.sum(coords**2, axis=-1, keepdims=True)) - RADIUS
    return params["scale"] * away + params["shift"]


def _predictions(params, coords):
    measurement = value_and_gradient()
    features = measurement.local(lambda x: _of_sphere(params, x), measurement.points(coords))
    return measurement.pool(features, coords)


EXACT = {"scale": 1.0, "shift": 0.0}


def test_the_exact_distance_has_no_loss_on_the_surface(float64):
    samples = _samples()
    targets = jnp.concatenate([jnp.ones((400, 1)), samples.normals], axis=1)
    loss = surface_loss(_predictions(EXACT, samples.points), targets)
    np.testing.assert_allclose(loss, 0, atol=1e-9)


def test_every_part_of_the_loss_has_its_published_weight(float64):
    samples = _samples()
    on = jnp.concatenate([jnp.ones((400, 1)), samples.normals], axis=1)
    shifted = surface_loss(_predictions(EXACT | {"shift": 0.1}, samples.points), on)
    np.testing.assert_allclose(shifted, 3e3 * 0.1 / 3e3, rtol=1e-6)
    steep = surface_loss(_predictions({"scale": 3.0, "shift": 0.0}, samples.points), on)
    np.testing.assert_allclose(steep, 5e1 * 2 / 3e3, rtol=1e-6)
    turned = surface_loss(_predictions({"scale": -1.0, "shift": 0.0}, samples.points), on)
    np.testing.assert_allclose(turned, 1e2 * 2 / 3e3, rtol=1e-6)
    elsewhere = surface_loss(_predictions(EXACT, samples.coords), jnp.zeros((400, 4)))
    expected = 1e2 * np.exp(-100 * np.abs(samples.distances)) / 3e3
    np.testing.assert_allclose(elsewhere, expected, atol=1e-9)


def test_its_derivative_is_finite_where_value_or_slope_vanish():
    targets = jnp.array([[1.0, 0, 0, 1], [0.0, 0, 0, 0], [1.0, 0, 0, 1]])
    predictions = jnp.array([[0.0, 0, 0, 0], [0.0, 0, 0, 0], [0.0, 0, 0, 1]])
    slope = jax.grad(lambda p: surface_loss(p, targets).sum())
    curved = jax.jit(lambda p, v: jax.jvp(slope, (p,), (v,)))
    assert all(jnp.isfinite(x).all() for x in curved(predictions, jnp.ones((3, 4))))


@pytest.mark.slow
def test_the_objective_is_the_published_loss_over_3000(float64):
    term = Term(cloud_points(512), value_and_gradient(), surface_loss)
    gradient = objective_gradient((term,), _of_sphere, Summation(100))
    params = {"scale": jnp.asarray(2.0), "shift": jnp.asarray(0.05)}
    loss, _ = jax.jit(gradient)(params, _samples(), KEY, 0)
    observed = cloud_points(512)(params, _samples(), jax.random.split(KEY, 1)[0], 0)
    predicted = np.asarray(_predictions(params, observed.inputs))
    on, normal = np.asarray(observed.targets[:, 0]), np.asarray(observed.targets[:, 1:])
    assert on.sum() == 256 and len(on) == 512
    length = np.linalg.norm(predicted[:, 1:], axis=1)
    cosine = np.sum(predicted[:, 1:] * normal, axis=1) / length
    value = np.abs(predicted[:, 0])
    parts = [
        3e3 * np.where(on, value, 0).mean(),
        1e2 * np.where(on, 0, np.exp(-1e2 * value)).mean(),
        1e2 * np.where(on, 1 - cosine, 0).mean(),
        5e1 * np.abs(length - 1).mean(),
    ]
    np.testing.assert_allclose(3e3 * loss, sum(parts), rtol=1e-6)


def test_points_differ_from_step_to_step_and_lie_where_they_should():
    draw, samples = cloud_points(200), _samples()
    first, second = (jax.jit(draw)(None, samples, key, 0) for key in jax.random.split(KEY))
    assert not np.isin(first.inputs[100:], second.inputs[100:]).any()
    np.testing.assert_allclose(jnp.linalg.norm(first.inputs[:100], axis=1), RADIUS, rtol=1e-5)
    np.testing.assert_allclose(first.inputs[:100], RADIUS * first.targets[:100, 1:], atol=1e-6)
    anywhere = first.inputs[100:]
    assert anywhere.min() < -0.9 and anywhere.max() > 0.9 and abs(anywhere.mean()) < 0.2
    assert (first.targets[100:] == 0).all() and (first.weights == 1).all()


def test_distances_are_cut_off():
    drawn = distance_points(300, 0.1)(None, _samples(), KEY, 0)
    truth = np.linalg.norm(drawn.inputs, axis=1) - RADIUS
    np.testing.assert_allclose(drawn.targets[:, 0], np.clip(truth, -0.1, 0.1), atol=1e-6)


def _grid(radius, resolution=40):
    return (np.linalg.norm(grid_coords(resolution), axis=1) - radius).reshape((resolution,) * 3)


def test_the_zero_level_of_a_sphere():
    surface = zero_level(_grid(RADIUS))
    np.testing.assert_allclose(np.linalg.norm(surface.vertices, axis=1), RADIUS, atol=1e-3)
    a, b, c = np.moveaxis(surface.vertices[surface.faces], 1, 0)
    volume = np.sum(a * np.cross(b, c)) / 6  # positive: counter-clockwise from outside
    assert volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.01)


@pytest.mark.parametrize("value", [1.0, -1.0, np.nan])
def test_without_a_level_the_distance_is_the_boxs_diagonal(value):
    grid = np.full((8, 8, 8), value)
    assert len(zero_level(grid).faces) == 0
    found = surface_metrics(grid, RADIUS * _sphere(10), _sphere(10))
    assert found == {"chamfer": pytest.approx(np.sqrt(12)), "normal_consistency": 0.0}


def test_points_on_triangles_are_uniform():
    square = np.array([[0.0, 0, 0], [4, 0, 0], [4, 1, 0], [0, 1, 0], [0, 0, 9]])
    surface = Triangles(square, np.array([[0, 1, 2], [0, 2, 3], [3, 3, 4]]))
    points, normals = uniform_points(surface, 20_000)
    np.testing.assert_array_equal(normals, np.tile([0.0, 0, 1], (20_000, 1)))
    np.testing.assert_allclose(points.mean(axis=0), [2, 0.5, 0], atol=0.03)
    np.testing.assert_allclose(points.var(axis=0), [16 / 12, 1 / 12, 0], rtol=0.03, atol=1e-9)


@pytest.mark.parametrize("num", [8000, 70_000])  # few and more than are asked for the nearest
def test_the_metrics_of_spheres(num):
    normals = np.random.default_rng(0).permutation(_sphere(num))
    same = surface_metrics(_grid(RADIUS), RADIUS * normals, normals)
    floor = 0.5 * np.sqrt(4 * np.pi * RADIUS**2 / num)  # two samples of one surface
    assert same["chamfer"] == pytest.approx(floor, rel=0.1)
    assert same["normal_consistency"] > 0.998
    larger = surface_metrics(_grid(RADIUS + 0.1), RADIUS * normals, normals)
    assert larger["chamfer"] == pytest.approx(0.1, rel=0.05)
    assert surface_metrics(-_grid(RADIUS), RADIUS * normals, normals) == pytest.approx(
        same, rel=0.01
    )
