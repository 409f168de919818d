"""Fan beams against chords along the lines from source to detector, and against parallel rays."""

import jax.numpy as jnp
import numpy as np
import pytest

from metainr.errors import UserError
from metainr.evaluation.ct_baselines import rebinned
from metainr.measurements import (
    covering_fan,
    detector_grid,
    fan_beam,
    project,
    projection,
    ray_projection,
)

ANGLES = np.array([0.0, 0.7, 2.0, 3.9, 5.5], np.float32)
DISC = (0.6, 0.18, 0.12, -0.15)  # grey, radius, centre (x, y down) from the centre of rotation
SOURCE, BEHIND = 0.9, 0.6  # distances of source and detectors, in sides
ROW = np.linspace(-1.0, 1.0, 90)
SHAPES = ["flat", "curved"]


def _chords(angles, row, shape):
    """Grey times chord of the disc, of the lines from the source to points of the row: [v, d]."""
    grey, radius, *centre = DISC
    across = np.array([np.cos(angles), -np.sin(angles)])[..., None]
    along = np.array([np.sin(angles), np.cos(angles)])[..., None]
    source = -SOURCE * along
    bend = row / (SOURCE + BEHIND)
    if shape == "flat":
        detector = source + (SOURCE + BEHIND) * along + row * across
    else:
        detector = source + (SOURCE + BEHIND) * (along * np.cos(bend) + across * np.sin(bend))
    way = detector - source
    way = way / np.linalg.norm(way, axis=0)
    to_disc = np.reshape(centre, (2, 1, 1)) - source
    distance = to_disc[0] * way[1] - to_disc[1] * way[0]
    return grey * 2 * np.sqrt(np.clip(radius**2 - distance**2, 0, None))


def _disc(n, oversampling=8):
    grey, radius, x, y = DISC
    places = detector_grid(n * oversampling).astype(np.float64)
    fine = np.hypot(places[None, :] - x, places[:, None] - y) <= radius
    return grey * fine.reshape(n, oversampling, n, oversampling).mean((1, 3)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_disc_has_its_chords(shape):
    found = project(_disc(128), ANGLES, fan_beam(ROW, SOURCE, BEHIND, shape))
    expected = _chords(ANGLES, ROW, shape)
    error = np.abs(found - expected)
    assert expected.max() > 0.2 and error.mean() < 0.0006
    # Where rays touch the disc, chords end as steeply as a root does.
    assert error[expected > 0.1].max() < 0.005


@pytest.mark.parametrize("shape", SHAPES)
def test_the_field_along_the_rays_has_the_same_chords(shape):
    grey, radius, x, y = DISC
    measurement = ray_projection(400, fan_beam(ROW, SOURCE, BEHIND, shape), centre=0.5)
    places = measurement.points(jnp.asarray(ANGLES)) - 0.5
    inside = jnp.hypot(places[..., :1] - x, places[..., 1:] - y) <= radius
    found = measurement.pool(grey * inside, jnp.asarray(ANGLES))
    np.testing.assert_allclose(found, _chords(ANGLES, ROW, shape), atol=2.5 * grey / 400)


def test_a_field_on_a_grid_is_read_as_its_image():
    fan, image = covering_fan(24, 0.8), _disc(24)
    measurement = projection(24, fan)
    found = measurement.pool(image.reshape(-1, 1, 1), ANGLES)
    np.testing.assert_allclose(found, project(image, ANGLES, fan), atol=1e-6)


def test_a_far_source_has_parallel_rays():
    fan = fan_beam(detector_grid(16), 1e5, 0.0)
    np.testing.assert_allclose(fan.places, detector_grid(16), atol=1e-5)
    np.testing.assert_allclose(fan.turns, 0, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_rebinned_rays_are_parallel_ones(shape):
    """Of an ellipse that is off the centre, in closed form."""
    grey, a, b, x0, y0, turn = 0.7, 0.3, 0.15, 0.08, -0.1, 0.5

    def chords(angles, places):
        square = (a * np.cos(angles - turn)) ** 2 + (b * np.sin(angles - turn)) ** 2
        u = places - (x0 * np.cos(angles) - y0 * np.sin(angles))
        return grey * 2 * a * b * np.sqrt(np.clip(square - u * u, 0, None)) / square

    fan = covering_fan(48, 1.2, shape)
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False) + 0.3
    seen = chords(angles[:, None] + fan.turns, fan.places)
    found_angles, found = rebinned(angles, seen, fan.turns)
    expected = chords(found_angles[:, None], fan.places)
    error = np.abs(found - expected)
    assert error.mean() < 2e-4 and error[expected > 0.1].max() < 2e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_a_covering_fan_touches_the_circle(shape):
    fan = covering_fan(1000, 0.7, shape)
    assert 0.498 < fan.places[-1] < 0.5
    np.testing.assert_allclose(fan.places, -fan.places[::-1], atol=1e-6)
    steps = np.diff(np.tan(fan.turns) if shape == "flat" else fan.turns)
    np.testing.assert_allclose(steps, steps.mean(), rtol=2e-3)


def test_impossible_fans_are_refused():
    for make in (lambda r: fan_beam(ROW, r, 1.0), lambda r: covering_fan(8, r)):
        with pytest.raises(UserError, match="0.5 sides .* inside the circle .* source_distance"):
            make(0.5)
    with pytest.raises(UserError, match="reaches 95 degrees to one side"):
        fan_beam(2.5 * ROW, SOURCE, BEHIND, "curved")
