"""The families of signals as tests know them: some options, and the form of their signals."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from metainr import signals
from metainr.signals.waves import Source

RATE = 8000  # of sounds


class Kind(NamedTuple):
    """One family of classes.

    options: (resolution, seed) -> options.
    check: (signal, resolution) -> None; fails if the signal has not the form of the family.
    least: the smallest resolution.
    too_small: what is said of smaller ones.
    has_pixels: whether a finer signal is as bright as a coarse one.
    """

    options: Callable[[int, int], Any]
    check: Callable[[Any, int], None]
    least: int = 2
    too_small: str = "is too small"
    has_pixels: bool = True


def _square(channels):
    def check(image, resolution):
        assert image.shape == (resolution, resolution, channels)
        _check_range(image, 0)

    return check


def _check_range(values, low):
    assert values.dtype == np.float32
    assert low <= values.min() <= values.max() <= 1


def _check_views(views, resolution):
    num, height, width, channels = views.images.shape
    assert channels == 3 and 2 <= height <= resolution and 2 <= width <= resolution
    shapes = [(num, 3, 4), (num, 3, 3), (num, 2), (num, 4)]
    assert [leaf.shape for leaf in views[1:]] == shapes
    assert {leaf.dtype for leaf in views[:4]} == {np.dtype(np.float32)}
    assert views.windows.dtype == np.int32
    _check_range(views.images, 0)
    assert all(np.isfinite(leaf).all() for leaf in views)
    near, far = views.bounds.T
    assert (near > 0).all() and (near < far).all()
    row, column, rows, columns = views.windows.T
    assert (views.windows[:, :2] >= 0).all() and (views.windows[:, 2:] >= 2).all()
    assert (row + rows <= height).all() and (column + columns <= width).all()


def _check_sound(sound, resolution):
    assert len(sound) == resolution and sound.ndim == 2
    _check_range(sound, -1)


def _check_clip(clip, resolution):
    assert clip.shape == (3, resolution, resolution, 3)
    _check_range(clip, 0)


def _check_cloud(cloud, resolution):
    n = resolution
    assert isinstance(cloud, signals.Cloud)
    assert [leaf.shape for leaf in cloud] == [(n, 3), (n, 3), (2 * n, 3), (2 * n,), (3,), ()]
    assert [leaf.dtype for leaf in cloud] == [np.float32] * 4 + [np.float64] * 2
    assert np.abs(cloud.points).max() <= 1 and np.isfinite(cloud.distances).all()
    np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1, rtol=1e-5)


def _check_source(source, resolution):
    assert isinstance(source, Source)
    assert source.position.shape == (2,) and np.abs(source.position).max() <= 0.5
    assert source.solution.shape == (resolution, resolution, 1)
    assert {leaf.dtype for leaf in source} == {np.dtype(np.float32)}


def _sources(resolution, seed):
    shape = (resolution, resolution, 1)
    return signals.SourceOptions(
        resolution, lambda place: np.full(shape, place.sum()), shape, 0.5, seed, solve_training=True
    )


KINDS = {
    signals.ImageOptions: Kind(signals.ImageOptions, _square(3)),
    signals.PictureOptions: Kind(signals.PictureOptions, _square(1)),
    signals.SliceOptions: Kind(signals.SliceOptions, _square(1)),
    signals.ObjectOptions: Kind(
        lambda resolution, seed: signals.ObjectOptions(resolution, seed, num_views=2), _check_views
    ),
    signals.LandmarkOptions: Kind(signals.LandmarkOptions, _check_views),
    signals.SoundOptions: Kind(
        lambda resolution, seed: signals.SoundOptions(RATE, resolution / RATE, seed),
        _check_sound, least=32, too_small="has fewer than 32 samples", has_pixels=False,
    ),
    signals.ClipOptions: Kind(
        lambda resolution, seed: signals.ClipOptions(resolution, 3, seed), _check_clip
    ),
    signals.CloudOptions: Kind(
        signals.CloudOptions, _check_cloud, least=16, too_small="shows no surface", has_pixels=False
    ),
    signals.SourceOptions: Kind(_sources, _check_source, has_pixels=False),
}  # fmt: skip
FAMILY_OF = {name: family for family, found in signals.FAMILIES.items() for name in found.classes}
NAMES = sorted(FAMILY_OF)
