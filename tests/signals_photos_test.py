"""Crops of photographs: whose they are, and which part of them."""

import numpy as np
import pytest

from metainr import signals
from metainr.errors import UserError
from metainr.signals.images.photos import PHOTOS, photo, random_crop


def test_no_photograph_is_in_two_splits():
    names = sum(PHOTOS.values(), ())
    assert len(set(names)) == len(names)
    assert all(len(PHOTOS[split]) >= 2 for split in ("train", "validation", "test"))


@pytest.mark.parametrize("name", sum(PHOTOS.values(), ()))
def test_photographs_are_large_and_kept(name):
    image = photo(name)
    assert min(image.shape[:2]) >= 300
    assert image.std() > 0.01
    assert photo(name) is image
    with pytest.raises(ValueError, match="read-only"):
        image[0] = 0


def test_grey_photographs_have_equal_channels():
    grey = photo("moon.png")
    np.testing.assert_array_equal(grey[..., 1:], grey[..., :1].repeat(2, axis=-1))


def test_large_photographs_are_halved():
    import skimage.data

    pixels = skimage.data.retina()[:1410, :1410].astype(np.float32) / 255
    expected = (pixels[::2, ::2] + pixels[1::2, ::2] + pixels[::2, 1::2] + pixels[1::2, 1::2]) / 4
    np.testing.assert_allclose(photo("retina.jpg"), expected, atol=1e-6)


@pytest.mark.parametrize("name", PHOTOS["test"])
def test_photographs_equal_scikit_images(name):
    import skimage.data

    expected = getattr(skimage.data, name.removesuffix(".png"))().astype(np.float32) / 255
    np.testing.assert_array_equal(photo(name), expected)


def test_crops_are_parts_of_the_image_and_half_are_mirrored():
    rows, columns = np.mgrid[:60, :90].astype(np.float32)
    ramps = np.stack([rows, columns, rows], axis=-1)
    mirrored = []
    for seed in range(200):
        crop = random_crop(np.random.default_rng(seed), ramps, 10)
        # Away from the borders the mean of a ramp is the ramp: the crop's slope is its scale.
        down = (crop[7, 5, 0] - crop[2, 5, 0]) / 5
        right = (crop[5, 7, 1] - crop[5, 2, 1]) / 5
        assert 0.98 * 0.4 * 60 / 10 <= down <= 1.02 * 60 / 10
        np.testing.assert_allclose(abs(right), down, rtol=0.02)
        assert 0 <= crop[..., 0].min() and crop[..., 0].max() <= 59
        assert 0 <= crop[..., 1].min() and crop[..., 1].max() <= 89
        mirrored.append(right < 0)
    assert 70 < sum(mirrored) < 130


def test_every_photograph_of_a_split_is_used():
    signal = signals.make("photos", signals.ImageOptions(8))
    crops = [signal.get("validation", index) for index in range(40)]
    assert 10 < sum(np.ptp(crop, axis=-1).max() == 0 for crop in crops) < 30  # the coins are grey


def test_a_missing_photograph_is_told(monkeypatch):
    monkeypatch.setitem(PHOTOS, "test", ("unicorn.png",))
    with pytest.raises(UserError, match="no unicorn.png; install scikit-image"):
        signals.make("photos", signals.ImageOptions(8))
