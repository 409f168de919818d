"""Rendering with an occupancy grid against full rendering, and what it leaves out."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr.cameras import look_at, opengl_inverse_intrinsics
from metainr.evaluation.occupancy import Occupancy, is_occupied, make_find_occupancy, seen_box
from metainr.evaluation.render import make_render
from metainr.evaluation.sparse_render import make_render_with_occupancy
from metainr.measurements.rendering import activate, composite

SAMPLES, SIZE = 64, (40, 50)
CENTRE, RADIUS = np.array([0.3, 0.0, -0.2], np.float32), 0.8
BOUNDS = np.array([2.0, 6.0], np.float32)
PARAMS = {"radius": jnp.full((1,), RADIUS)}


def _camera(eye):
    height, width = SIZE
    return look_at(eye, [0, 0, 0]), opengl_inverse_intrinsics(60, height, width), BOUNDS


CAMERAS = [_camera(eye) for eye in ([4.0, 0, 0], [0, -3, 2.5], [2, 2, 3])]
BOX = seen_box(*(np.stack(x) for x in zip(*CAMERAS)), *SIZE)


def _distance(coords):
    return jnp.linalg.norm(coords - CENTRE[None], axis=-1)


def _ball(sharpness):
    """Densities rise to about `sharpness` towards the middle; colours vary with the place."""

    def apply(params, coords):
        raw = sharpness * 2 * (params["radius"] - _distance(coords))
        return jnp.concatenate([3 * coords, raw[:, None]], axis=-1)

    return apply


def _density(features):
    return activate(features)[..., 3]


def _find(apply, **options):
    return make_find_occupancy(apply, _density, **options)(PARAMS, *BOX)


@pytest.mark.parametrize(
    ("sharpness", "chunk_size"), [pytest.param(20.0, 300, marks=pytest.mark.slow), (400.0, None)]
)
def test_a_ball_looks_as_it_does_in_full(sharpness, chunk_size):
    apply = _ball(sharpness)
    full = make_render(apply, composite, SAMPLES)
    sparse = make_render_with_occupancy(apply, composite, _density, SAMPLES, chunk_size)
    occupancy = _find(apply)
    for camera in CAMERAS:
        expected, found = full(PARAMS, *camera, *SIZE), sparse(PARAMS, occupancy, *camera, *SIZE)
        assert type(found) is type(expected) and expected.opacity.max() > 0.99
        for a, b, tolerance in zip(found, expected, (3e-3, 1e-2, 3e-3), strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, atol=tolerance)


def test_the_field_is_not_asked_in_empty_space_or_behind_matter():
    """What is not asked may as well be no number."""
    apply = _ball(400.0)

    def only_near_the_surface(params, coords):
        far = jnp.abs(_distance(coords) - RADIUS) > 0.5
        return jnp.where(far[:, None], jnp.nan, apply(params, coords))

    sparse = make_render_with_occupancy(only_near_the_surface, composite, _density, SAMPLES)
    found = sparse(PARAMS, _find(apply), *CAMERAS[0], *SIZE)
    assert all(np.isfinite(x).all() for x in found)
    full = make_render(only_near_the_surface, composite, SAMPLES)(PARAMS, *CAMERAS[0], *SIZE)
    assert np.isnan(full.colours).any()


def test_without_a_background_the_last_sample_counts():
    apply, black = _ball(400.0), functools.partial(composite, background="none")

    def in_fog(params, coords):
        """A density of 1e-4 everywhere, which the grid does not see."""
        features = apply(params, coords)
        return features.at[:, 3].max(-9.2)

    full = make_render(in_fog, black, SAMPLES)(PARAMS, *CAMERAS[0], *SIZE)
    sparse = make_render_with_occupancy(in_fog, black, _density, SAMPLES, endless=True)
    found = sparse(PARAMS, _find(in_fog), *CAMERAS[0], *SIZE)
    np.testing.assert_allclose(found.opacity, 1, atol=1e-3)  # the light that a ray may leave
    np.testing.assert_allclose(found.colours, full.colours, atol=3e-3)


def test_nothing_to_see_is_the_background():
    nothing = Occupancy(jnp.zeros((4, 4, 4), bool), *BOX)
    sparse = make_render_with_occupancy(_ball(20.0), composite, _density, SAMPLES)
    found = sparse(PARAMS, nothing, *CAMERAS[0], 3, 2)
    np.testing.assert_array_equal(found.colours, np.ones((3, 2, 3)))
    np.testing.assert_array_equal(found.depth, np.full((3, 2), 6))


def test_cells_with_matter_and_their_neighbours_are_occupied():
    resolution, low, high = 16, np.full(3, -2, np.float32), np.full(3, 2, np.float32)
    find = make_find_occupancy(_ball(100.0), _density, resolution, 1.0, chunk_size=1000)
    occupied = np.asarray(find(PARAMS, low, high).occupied)
    centres = np.stack(np.mgrid[:16, :16, :16], -1) / 4 + 0.125 - 2
    matter = np.linalg.norm(centres - CENTRE, axis=-1) < RADIUS
    expected = np.zeros_like(matter)
    for shift in np.ndindex(3, 3, 3):
        expected |= np.roll(matter, np.array(shift) - 1, (0, 1, 2))
    assert matter.any() and not matter[[0, -1]].any()
    np.testing.assert_array_equal(occupied, expected)


def test_points_are_looked_up_in_their_cells():
    generator = np.random.default_rng(0)
    cells = generator.uniform(size=(5, 5, 5)) < 0.5
    low, high = np.array([-1, 0, 2], np.float32), np.array([1, 0.5, 7], np.float32)
    numbers = generator.integers(-2, 7, (200, 3))
    coords = low + (numbers + generator.uniform(0.1, 0.9, (200, 3))) / 5 * (high - low)
    inside = ((numbers >= 0) & (numbers < 5)).all(-1)
    expected = inside & cells[tuple(np.clip(numbers, 0, 4).T)]
    occupancy = Occupancy(jnp.asarray(cells), low, high)
    np.testing.assert_array_equal(jax.jit(is_occupied)(occupancy, coords), expected)


def test_the_box_holds_what_views_see():
    pose, inverse, _ = CAMERAS[0]  # at x = 4, looking along −x
    low, high = seen_box(pose[None], inverse[None], BOUNDS[None], *SIZE)
    np.testing.assert_allclose([low[0], high[0]], [-2, 2], atol=1e-5)
    np.testing.assert_allclose(low[1], -6 * 25 / 60, atol=1e-5)  # the first column
    np.testing.assert_allclose(high[1], 6 * 24 / 60, atol=1e-5)
