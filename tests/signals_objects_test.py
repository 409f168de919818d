"""Generated objects: what every class of them keeps, whatever it shows."""

import numpy as np
import pytest

from metainr import signals
from metainr.cameras import pixel_rays
from metainr.errors import UserError
from metainr.signals.access import SPLITS, generator
from metainr.signals.objects.generated import MAKERS, OBJECT_RADIUS
from metainr.signals.objects.parts import fitted
from metainr.signals.objects.solids import cast, corners

NAMES = sorted(MAKERS)


def _make(name, resolution=16, num_views=3, **options):
    options = signals.ObjectOptions(resolution, num_views=num_views, **options)
    return signals.make(name, options)


def _solids(name, index):
    return fitted(MAKERS[name](generator(name, 0, "train", index)), OBJECT_RADIUS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("resolution", [2, 17, 32])
def test_views_have_the_right_form(name, resolution):
    signal = _make(name, resolution, near=2.5, far=5.5)
    assert signal.sizes == {"train": 10_000, "validation": 1_000, "test": 1_000}
    for split in SPLITS:
        views = signal.get(split, 999)
        assert views.images.shape == (3, resolution, resolution, 3)
        assert views.poses.shape == (3, 3, 4) and views.inverse_intrinsics.shape == (3, 3, 3)
        assert {leaf.dtype for leaf in views[:4]} == {np.dtype(np.float32)}
        assert 0 <= views.images.min() <= views.images.max() <= 1
        np.testing.assert_array_equal(views.bounds, [[2.5, 5.5]] * 3)
        np.testing.assert_array_equal(views.windows, [[0, 0, resolution, resolution]] * 3)
        assert views.windows.dtype == np.int32


@pytest.mark.parametrize("name", NAMES)
def test_cameras_look_at_the_origin_from_above(name):
    poses = _make(name, 2, num_views=50).get("train", 0).poses.astype(np.float64)
    rotations, places = poses[..., :3], poses[..., 3]
    np.testing.assert_allclose(np.linalg.norm(places, axis=1), 4, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.det(rotations), 1, rtol=1e-5)
    np.testing.assert_allclose(rotations[..., 2], places / 4, atol=1e-6)
    assert 0 <= places[:, 2].min() < 0.6 and 3 < places[:, 2].max() < 3.9
    assert np.ptp(places[:, :2], axis=0).min() > 5
    assert rotations[:, 2, 1].min() > 0  # no camera is upside down


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_what_the_rays_of_their_pixels_meet(name):
    """Averages over a pixel differ from its middle at edges only."""
    views = _make(name, 32, num_views=2).get("train", 4)
    pixels = np.stack(np.mgrid[:32, :32], -1).reshape(-1, 2).astype(np.float32)
    for view in range(2):
        camera = (views.poses[view], views.inverse_intrinsics[view], views.bounds[view])
        rays = pixel_rays(*(x[None] for x in camera), pixels)
        hits = cast(_solids(name, 4), rays.origins, rays.directions)
        met = (hits.indices >= 0).reshape(32, 32)
        is_white = views.images[view].min(axis=-1) > 0.999
        assert np.mean(met == is_white) < 0.1
        depths = hits.depths[np.isfinite(hits.depths)]
        assert 2.7 < depths.min() < depths.max() < 5.3


@pytest.mark.parametrize("name", NAMES)
def test_objects_fill_their_ball_and_the_picture(name):
    signal = _make(name, 32, num_views=8)
    for index in range(10):
        points = np.concatenate([corners(solid) for solid in _solids(name, index)])
        assert np.linalg.norm(points, axis=1).max() == pytest.approx(1.25)
        images = signal.get("train", index).images
        edges = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
        assert min(edge.min() for edge in edges) == 1
        covered = (images.min(axis=-1) < 0.99).mean()
        assert 0.04 < covered < 0.6


@pytest.mark.parametrize("name", NAMES)
def test_no_object_comes_twice_and_all_look_different(name):
    views = [
        _make(name, 16, 2, seed=seed).get(split, index)
        for seed in (0, 1)
        for split in SPLITS
        for index in range(8)
    ]
    for leaf in ("images", "poses"):
        assert len({getattr(view, leaf).tobytes() for view in views}) == len(views)
    counts = {len(MAKERS[name](generator(name, 0, "train", index))) for index in range(50)}
    assert len(counts) > 3
    colours = {_solids(name, index)[0].colour for index in range(50)}
    assert len(colours) == 50


@pytest.mark.parametrize("name", NAMES)
def test_fewer_views_are_the_first_of_more(name):
    few, many = (_make(name, 8, count).get("test", 2) for count in (2, 5))
    for one, other in zip(few, many):
        np.testing.assert_allclose(one, other[:2], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_resolution_shows_the_same_object_finer(name):
    coarse, fine = (_make(name, size).get("train", 3) for size in (16, 64))
    np.testing.assert_array_equal(coarse.poses, fine.poses)
    blocks = fine.images.reshape(3, 16, 4, 16, 4, 3).mean(axis=(2, 4))
    assert np.abs(blocks - coarse.images).mean() < 0.02
    # The middle of the coarse pixel (3, 5) is that of a block of fine ones.
    for row, column, inverse in ((3, 5, coarse), (13.5, 21.5, fine)):
        ray = inverse.inverse_intrinsics[0] @ [column, row, 1]
        np.testing.assert_allclose(ray, coarse.inverse_intrinsics[0] @ [5, 3, 1], atol=1e-6)


@pytest.mark.parametrize(
    "options,words",
    [
        ({"num_views": 0}, "num_views 0 is too small"),
        ({"near": 6.0, "far": 2.0}, "near 6.0 and far 2.0"),
        ({"near": 4.0, "far": 4.0}, "near 4.0 and far 4.0"),
        ({"near": -1.0}, "near -1.0"),
        ({"far": float("nan")}, "far nan"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(UserError, match=words):
        _make("chairs", **options)
