"""The generated landmark: geometry with known answers, and photos that keep what they promise."""

import time

import numpy as np
import pytest

from metainr import signals
from metainr.cameras import image_pixels, pixel_rays
from metainr.signals.landmarks import facade_solids as solids
from metainr.signals.landmarks.facade import landmark, plan
from metainr.signals.landmarks.facade_photo import photograph
from metainr.signals.landmarks.facade_wall import Opening, wall
from metainr.signals.landmarks.options import fitted_size, scaled_inverse_intrinsics

SPLITS = ("train", "validation", "test")


def _make(resolution=24, seed=0, **options):
    return signals.make("facade", signals.LandmarkOptions(resolution, seed, **options))


def _column(*coordinates):
    return np.array(coordinates, np.float32)[:, None]


def _rays(rng, n=400):
    """Rays from a far sphere towards the middle of the unit cube and round it."""
    origins = rng.normal(size=(3, n))
    origins *= 5 / np.linalg.norm(origins, axis=0)
    return origins.astype(np.float32), (rng.uniform(-1.5, 1.5, (3, n)) - origins).astype(np.float32)


BODIES = {
    "box": (solids.box((-1, -0.5, -0.8), (1, 0.5, 0.8), ""),
            lambda p: np.max(np.abs(p) - _column(1, 0.5, 0.8), axis=0)),
    "ball": (solids.ball((0, 0, 0), (1, 0.5, 0.8), ""),
             lambda p: np.sum((p / _column(1, 0.5, 0.8)) ** 2, axis=0) - 1),
    "convex": (solids.convex([[1, 0, 0], [-0.6, 0.8, 0], [-0.6, -0.8, 0], [0, 0, 1], [0, 0, -1]],
                             [0.5, 0.6, 0.6, 0.8, 0.7], ""),
               lambda p: np.max([p[0] - 0.5, -0.6 * p[0] + 0.8 * np.abs(p[1]) - 0.6,
                                 p[2] - 0.8, -0.7 - p[2]], axis=0)),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_a_body_is_met_where_walking_along_the_ray_enters_it(name):
    body, outside = BODIES[name]
    origins, directions = _rays(np.random.default_rng(0))
    depth = body.depth(origins, directions)
    steps = np.linspace(0, 1.6, 1601)
    walked = np.array([outside(origins + t * directions) for t in steps])
    entered = (walked < 0).any(axis=0)
    clear = np.abs(walked.min(axis=0)) > 0.02  # neither brushes the body nor misses it narrowly
    assert 50 < entered[clear].sum() < clear.sum() - 50
    np.testing.assert_array_equal(np.isfinite(depth)[clear], entered[clear])
    hit = entered & clear
    assert np.abs(depth - steps[(walked < 0).argmax(axis=0)])[hit].max() < 2e-3
    points = origins[:, hit] + depth[hit] * directions[:, hit]
    normals = body.normal(points)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=0), 1, atol=1e-5)
    assert (outside(points + 0.01 * normals) > outside(points - 0.01 * normals)).all()


def test_a_pillar_has_sides_and_no_ends():
    pillar = solids.pillar(1, 2, 0.5, 0, 3, "")
    ahead = pillar.depth(_column(1, 0, 1), _column(1e-6, 1, 1e-6))
    np.testing.assert_allclose(ahead, 1.5, rtol=1e-5)
    np.testing.assert_allclose(pillar.normal(_column(1, 1.5, 1)), _column(0, -1, 0), atol=1e-6)
    for origin, direction in (((1, 0, 4), (1e-6, 1, 1e-6)), ((1, 2, 5), (1e-6, 1e-6, -1))):
        assert np.isinf(pillar.depth(_column(*origin), _column(*direction)))


def test_an_opening_leads_to_its_back_or_to_its_side():
    opening = Opening(-2, 2, 1, 1.0, 1.0, 2.0, arched=True)
    front = wall((-4, 0, 0), (4, 5, 6), [opening], 0.8, "")
    x = np.array([0, 0, 3, 0, 0.9], np.float32)
    z = np.array([1.5, 2.9, 1.5, 3.1, 2.9], np.float32)
    origins = np.stack([x, np.full_like(x, -2), z])
    depth = front.depth(origins, _column(1e-6, 1, 1e-6))
    np.testing.assert_allclose(depth, [2.8, 2.8, 2, 2, 2], rtol=1e-5)
    slanted = front.depth(_column(-2, -2, 1.5), _column(1, 0.8, 1e-6))
    np.testing.assert_allclose(slanted * 0.8 - 2, 0.4, atol=0.11)  # x = 1 at y = 0.4
    point = _column(-2, -2, 1.5) + slanted * _column(1, 0.8, 1e-6)
    np.testing.assert_array_equal(front.normal(point), _column(-1, 0, 0))


def test_the_first_of_several_is_seen_and_all_cast_shadows():
    scene = [solids.box((-1, 2, -1), (1, 3, 1), ""), solids.ball((0, 0, 0), (1, 1, 1), "")]
    depth, which = solids.cast(scene, _column(0, -5, 0), _column(1e-6, 1, 1e-6))
    assert which == [1] and np.isclose(depth, 4)
    points = np.array([[0, 0], [-5, 2], [0, 5]], np.float32)
    np.testing.assert_array_equal(
        solids.blocked(scene, points, _column(1e-6, 1, 1e-6)), [True, False]
    )


@pytest.mark.parametrize("resolution", [8, 24, 33])
def test_a_photo_is_one_view(resolution):
    for split in SPLITS:
        views = _make(resolution).get(split, 3)
        height = round(0.75 * resolution)
        assert views.images.shape == (1, height, resolution, 3)
        assert views.poses.shape == (1, 3, 4) and views.inverse_intrinsics.shape == (1, 3, 3)
        assert {leaf.dtype for leaf in views[:4]} == {np.dtype(np.float32)}
        assert views.windows.dtype == np.int32
        assert 0 <= views.images.min() <= views.images.max() <= 1
        row, column, rows, columns = views.windows[0]
        assert row == column == 0 and rows <= height and columns <= resolution
        assert not views.images[0, rows:].any() and not views.images[0, :, columns:].any()
        assert 0 < views.bounds[0, 0] < views.bounds[0, 1]
        np.testing.assert_allclose(np.linalg.det(views.poses[0, :, :3]), 1, atol=1e-5)


def test_a_resolution_shows_the_same_photo_finer():
    for index in range(3):
        coarse, fine = (_make(n).get("train", index) for n in (32, 64))
        np.testing.assert_array_equal(coarse.poses, fine.poses)
        rows, columns = coarse.windows[0, 2:]
        halved = fine.images[0, : 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2, 3)
        difference = halved.mean(axis=(1, 3)) - coarse.images[0, :rows, :columns]
        assert np.abs(difference).mean() < 0.03


def test_lengths_are_scaled_together():
    usual, metres = _make().get("train", 0), _make(scale=1.0, near_factor=1, far_factor=1)
    metres = metres.get("train", 0)
    np.testing.assert_allclose(usual.poses[..., 3], 0.05 * metres.poses[..., 3], rtol=1e-6)
    np.testing.assert_allclose(usual.bounds, 0.05 * metres.bounds * [0.9, 1.2], rtol=1e-6)
    np.testing.assert_array_equal(usual.images, metres.images)


def _colours_at(place, shot, points):
    """What a photo shows of points [3, n], NaN where something stands before them or outside."""
    pose = shot.camera.pose
    beside = np.linalg.inv(shot.camera.inverse_intrinsics) @ pose[:, :3].T @ (points - pose[:, 3:])
    columns, rows = np.round(beside[:2] / beside[2]).astype(int)
    eye = pose[:, 3:].astype(np.float32)
    free = np.abs(solids.cast(place.solids, eye, points.astype(np.float32) - eye)[0] - 1) < 2e-3
    inside = (rows >= 0) & (rows < shot.size[0]) & (columns >= 0) & (columns < shot.size[1])
    colours = np.full((points.shape[1], 3), np.nan)
    free &= inside
    colours[free] = photograph(place, shot)[rows[free], columns[free]]
    return colours


def test_two_photos_agree_on_what_they_see():
    """In the same light and without people, points have the same colours from two places."""
    place, white, rng = landmark(0), np.ones(3), np.random.default_rng(0)
    look = plan(place, 0, "train", 0, 8).look
    look = look._replace(sunlight=0 * white, zenith=white, horizon=white, clouds=0, lamps=0)
    points = np.stack([rng.uniform(-15, 15, 900), np.zeros(900), rng.uniform(1, 9, 900)])
    shots = [plan(place, 0, "train", index, 144) for index in (2, 4)]
    first, second = (_colours_at(place, s._replace(look=look, people=()), points) for s in shots)
    both = np.isfinite(first[:, 0]) & np.isfinite(second[:, 0])
    assert both.sum() > 100
    difference = np.abs(first - second)[both].mean(axis=1)
    assert np.median(difference) < 0.01  # pixels that meet an edge differ more
    shuffled = np.abs(first[both] - rng.permutation(second[both])).mean(axis=1)
    assert np.median(shuffled) > 2.5 * np.median(difference)


def test_rays_go_through_what_they_show():
    """Rays of a photo start before the front, and within the bounds they reach it."""
    views = _make(24).get("train", 1)
    rows, columns = views.windows[0, 2:]
    pixels = image_pixels(rows, columns)
    rays = pixel_rays(views.poses, views.inverse_intrinsics, views.bounds, pixels)
    assert (rays.origins[:, 1] < 0).all() and (rays.directions[:, 1] > 0).all()
    axis = views.poses[0, :, 2]
    np.testing.assert_allclose(rays.directions @ axis, 1, rtol=1e-5)
    depth = -rays.origins[0, 1] / views.poses[0, 1, 2]  # of the front, along the axis
    assert views.bounds[0, 0] < depth < views.bounds[0, 1]


def test_people_and_light_vary_while_the_building_stays():
    place = landmark(0)
    shots = [plan(place, 0, "train", index, 8) for index in range(60)]
    counts = [len(shot.people) for shot in shots]
    assert min(counts) < 2 and max(counts) > 5
    assert len({shot.size for shot in shots}) == 3
    assert 3 < sum(shot.look.lamps > 0.5 for shot in shots) < 15
    suns = np.array([shot.look.sun for shot in shots])
    np.testing.assert_allclose(np.linalg.norm(suns, axis=1), 1)
    assert (suns[:, 2] > 0).all()


def test_a_photo_is_quickly_made():
    signal, seconds = _make(64), []
    for index in range(5):
        began = time.perf_counter()
        signal.get("train", index)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.25  # 0.04 on a quiet machine


def test_scaling_a_photo_leaves_its_rays():
    inverse = np.linalg.inv([[500, 0, 300], [0, 510, 210], [0, 0, 1.0]])
    assert fitted_size(400, 600, 60) == (40, 60) and fitted_size(30, 20, 64) == (30, 20)
    scaled = scaled_inverse_intrinsics(inverse, (400, 600), (40, 60))
    # The centre of a scaled pixel is the mean of those of the ten that it covers.
    np.testing.assert_allclose(scaled @ [7, 3, 1], inverse @ [74.5, 34.5, 1], atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_every_building_can_be_photographed(seed):
    """Domes and towers, few columns and many: nothing is left dark, and all have sky and stone."""
    place = landmark(seed)
    for index in range(2):
        shot = plan(place, seed, "train", index, 24)
        image = photograph(place, shot)
        assert np.isfinite(image).all() and 0.05 < image.mean() < 0.95
        assert image.std() > 0.04
        assert 3 < shot.camera.bounds[0] < shot.camera.bounds[1] < 90
