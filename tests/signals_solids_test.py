"""Where rays meet solids, against closed forms and distances found by another way."""

import numpy as np
import pytest

from metainr.signals.objects.parts import beam, box, fitted, ring, rod, sphere
from metainr.signals.objects.pictured import pictured
from metainr.signals.shapes import BOX, CYLINDER, SPHERE, TORUS
from metainr.signals.solids import Solid, cast, corners

RED = (1.0, 0.0, 0.0)
DOWN = np.array([[0.0, 0.0, -1.0]])


def _cast(solid, origin, direction):
    hits = cast([solid], np.atleast_2d(np.float64(origin)), np.atleast_2d(np.float64(direction)))
    return hits.depths[0], hits.normals[0]


@pytest.mark.parametrize(
    "solid,origin,direction,depth,normal",
    [
        (sphere((0, 0, 0), 1, RED), (-3, 0.6, 0), (1, 0, 0), 2.2, (-0.8, 0.6, 0)),
        (sphere((0, 0, 0), 1, RED), (-3, 0.6, 0), (2, 0, 0), 1.1, (-0.8, 0.6, 0)),
        (sphere((5, 0, 0), (2, 1, 1), RED), (0, 0, 0), (1, 0, 0), 3.0, (-1, 0, 0)),
        (sphere((0, 0, 0), 1, RED), (0, 0, 0), (0, 1, 0), 1.0, (0, 1, 0)),
        (box((1, 2, 3), (2, 4, 6), RED), (-4, 1, 1), (1, 0, 0), 4.0, (-1, 0, 0)),
        (box((0, 0, 0), (2, 2, 2), RED), (0.5, -9, 0.25), (0, 1, 0), 8.0, (0, -1, 0)),
        (box((0, 0, 0), (2, 2, 2), RED), (3, 3, 0), (-1, -1, 0.2), 2.0, None),
        (rod((0, 0, -1), (0, 0, 2), 0.5, RED), (-3, 0.3, 0), (1, 0, 0), 2.6, (-0.8, 0.6, 0)),
        (rod((0, 0, -1), (0, 0, 2), 0.5, RED), (0.1, 0.2, 5), (0, 0, -1), 3.0, (0, 0, 1)),
        (rod((0, 0, 0), (0, 0, 1), 1, RED, 0.5), (-3, 0, 0.5), (1, 0, 0), 2.25, (-1, 0, 0.5)),
        (rod((0, 0, 0), (0, 0, 1), 1, RED, 0.5), (-3, 0, 0.5), (1, 0, -0.05), 2.25 / 1.025, None),
        (ring((0, 0, 0), (0, 0, 1), 2, 0.5, RED), (-5, 0, 0), (1, 0, 0), 2.5, (-1, 0, 0)),
        (ring((0, 0, 0), (0, 0, 1), 2, 0.5, RED), (2, 0, 4), (0, 0, -1), 3.5, (0, 0, 1)),
        (ring((0, 0, 0), (0, 0, 1), 2, 0.5, RED), (2.3, 0, 4), (0, 0, -2), 1.8, (0.6, 0, 0.8)),
        (ring((0, 0, 0), (1, 0, 0), 2, 0.5, RED), (5, 0, 2), (-1, 0, 0), 4.5, (1, 0, 0)),
        (ring((0, 0, 0), (0, 0, 1), 2, 0.5, RED), (0, 0, 0), (0, 1, 0), 1.5, (0, -1, 0)),
    ],
)
def test_depth_and_normal_in_closed_form(solid, origin, direction, depth, normal):
    found, facing = _cast(solid, origin, direction)
    assert found == pytest.approx(depth, abs=1e-9)
    if normal is not None:
        np.testing.assert_allclose(facing, normal / np.linalg.norm(normal), atol=1e-7)


@pytest.mark.parametrize(
    "solid,origin,direction",
    [
        (sphere((0, 0, 0), 1, RED), (-3, 1.01, 0), (1, 0, 0)),
        (sphere((0, 0, 0), 1, RED), (-3, 0, 0), (-1, 0, 0)),
        (box((0, 0, 0), (2, 2, 2), RED), (-3, 1.01, 0), (1, 0, 0)),
        (rod((0, 0, -1), (0, 0, 1), 1, RED), (-3, 0, 1.01), (1, 0, 0)),
        (rod((0, 0, -1), (0, 0, 1), 1, RED), (1.01, 0, 9), (0, 0, -1)),
        (rod((0, 0, 0), (0, 0, 1), 1, RED, 0.5), (0.8, -3, 0.9), (0, 1, 0)),
        (ring((0, 0, 0), (0, 0, 1), 2, 0.5, RED), (0.7, 0.9, 9), (0, 0, -1)),
    ],
)
def test_misses_are_infinitely_far(solid, origin, direction):
    depth, normal = _cast(solid, origin, direction)
    assert depth == np.inf and not normal.any()


_SHAPES = {"box": BOX, "sphere": SPHERE, "cylinder": CYLINDER, "torus": TORUS}
_LEVELS = {  # negative inside the shape of unit size, zero on it
    "box": lambda x, y, z, _: np.max(np.abs([x, y, z]), axis=0) - 1,
    "sphere": lambda x, y, z, _: x * x + y * y + z * z - 1,
    "cylinder": lambda x, y, z, taper: np.maximum(
        np.hypot(x, y) - (1 + taper + (taper - 1) * z) / 2, np.abs(z) - 1
    ),
    "torus": lambda x, y, z, tube: (np.hypot(x, y) - 1) ** 2 + z * z - tube**2,
}


@pytest.mark.parametrize("shape", _LEVELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_rays_against_a_march_in_small_steps(shape, dtype):
    rng = np.random.default_rng(3)
    placement = np.column_stack([rng.normal(size=(3, 3)) + 2 * np.eye(3), rng.normal(size=3)])
    solid = Solid(_SHAPES[shape], placement, RED, 0.35)
    origins = rng.normal(size=(200, 3))
    origins *= 12 / np.linalg.norm(origins, axis=1, keepdims=True)
    directions = rng.normal(size=(200, 3)) + placement[:, 3] - origins
    hits = cast([solid], origins.astype(dtype), directions.astype(dtype))

    def level(z):
        points = origins[:, None] + z[..., None] * directions[:, None] - placement[:, 3]
        own = points @ np.linalg.inv(placement[:, :3]).T
        return _LEVELS[shape](*np.moveaxis(own, -1, 0), 0.35)

    z = np.linspace(0, 2, 8001)
    inside = level(np.broadcast_to(z, (200, 8001))) < 0
    first = np.where(inside.any(axis=1), z[inside.argmax(axis=1)], np.inf)
    # A march may step over the corner of a solid; where it does not, it is late by a step at most.
    agree = np.isinf(first) == np.isinf(hits.depths)
    assert agree.mean() > 0.97 and (hits.depths[~agree] < np.inf).all()
    both = np.isfinite(first)
    assert 40 < both.sum()
    late = first[both] - hits.depths[both]
    assert np.all(late > -1e-4) and np.quantile(late, 0.95) < 2.6e-4
    tolerance = 1e-6 if dtype == np.float64 else 3e-4
    there = level(np.where(both, hits.depths, 1)[:, None])[both, 0]
    assert np.abs(there).max() < tolerance
    assert hits.depths.dtype == dtype


@pytest.mark.parametrize("shape", _LEVELS)
def test_normals_are_the_slopes_of_what_is_inside(shape):
    rng = np.random.default_rng(4)
    placement = np.column_stack([rng.normal(size=(3, 3)) + 2 * np.eye(3), rng.normal(size=3)])
    origins = np.repeat([placement[:, 3] + [1.0, -12.0, 2.0]], 300, 0)
    directions = rng.normal(size=(300, 3)) + placement[:, 3] - origins
    hits = cast([Solid(_SHAPES[shape], placement, RED, 0.35)], origins, directions)
    met = hits.indices == 0
    assert 40 < met.sum() < 300 and not hits.normals[~met].any()
    points = origins[met] + hits.depths[met, None] * directions[met]

    def level(points):
        own = (points - placement[:, 3]) @ np.linalg.inv(placement[:, :3]).T
        return _LEVELS[shape](*own.T, 0.35)

    steps = 1e-6 * np.eye(3)
    slopes = np.stack([level(points + step) - level(points - step) for step in steps], -1)
    slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
    np.testing.assert_allclose(hits.normals[met], slopes, atol=1e-4)
    assert np.all((hits.normals[met] * directions[met]).sum(axis=1) < 0)


def test_the_nearest_of_several_is_seen():
    solids = [sphere((0, 0, -3), 1, RED), sphere((0, 0, 3), 1, RED), box((4, 0, 0), (1, 1, 1), RED)]
    origins = np.array([[0, 0, 9.0], [4, 0, 9.0], [8, 0, 9.0]])
    hits = cast(solids, origins, DOWN.repeat(3, 0))
    np.testing.assert_array_equal(hits.indices, [1, 2, -1])
    np.testing.assert_allclose(hits.depths, [5, 8.5, np.inf])


def test_beams_and_rods_join_their_ends():
    start, end = np.array([0.3, -1.0, 0.2]), np.array([1.0, 1.5, 2.0])
    for solid in (beam(start, end, (0.1, 0.2), RED), rod(start, end, 0.1, RED)):
        for a, b in ((start, end), (end, start)):
            depth, normal = _cast(solid, 3 * a - 2 * b, b - a)
            assert depth == pytest.approx(2)
            np.testing.assert_allclose(normal, (a - b) / np.linalg.norm(a - b), atol=1e-9)
    upright = corners(beam((0, 0, 0), (0, 0, 2), (0.1, 0.3), RED))
    np.testing.assert_allclose(np.ptp(upright, axis=0), [0.1, 0.3, 2])


def test_a_leaning_box_stands_on_the_same_floor():
    leaning = corners(box((0, 0, 1), (1, 1, 2), RED, lean=0.5))
    top, bottom = leaning[leaning[:, 2] > 1], leaning[leaning[:, 2] < 1]
    np.testing.assert_allclose(top.mean(0), [0, 0.5, 2])
    np.testing.assert_allclose(bottom.mean(0), [0, -0.5, 0])


def test_fitted_objects_fill_their_ball():
    solids = fitted([box((5, 5, 5), (2, 1, 1), RED), ring((5, 6, 5), (0, 1, 0), 1, 0.2, RED)], 1.2)
    points = np.concatenate([corners(solid) for solid in solids])
    assert np.linalg.norm(points, axis=1).max() == pytest.approx(1.2)
    np.testing.assert_allclose(points.min(0), -points.max(0))


def test_a_pixel_is_the_mean_of_its_parts():
    """A plate covers the left 5/8 of a view straight from above: 2.5 of 4 pixels."""
    plate = [box((0.25 - 1, 0, 0), (2, 4, 0.001), (0.2, 0.4, 0.6))]
    pose = np.array([[[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 4]]], np.float32)
    inverse = np.array([[[1 / 8, 0, -1.5 / 8], [0, 1 / 8, -1.5 / 8], [0, 0, 1]]], np.float32)
    picture = pictured(plate, pose, inverse, resolution=4)[0]
    np.testing.assert_allclose(picture[..., 3], [[1, 1, 0.5, 0]] * 4)
    np.testing.assert_allclose(picture[:, 2, :3], picture[:, 1, :3] / 2, rtol=1e-6)
    assert np.all(np.diff(picture[:, :3, :3], axis=-1) > 0)
