import numpy as np
import pytest

from metainr.signals import SliceOptions, make
from metainr.signals.ct.phantoms import MODIFIED_SHEPP_LOGAN, ellipses


def _phantoms(resolution=64, seed=0):
    return make("phantoms", SliceOptions(resolution, seed))


def test_without_noise_it_is_the_known_phantom():
    from skimage.data import shepp_logan_phantom

    ours, theirs = ellipses(MODIFIED_SHEPP_LOGAN, 400), shepp_logan_phantom()
    # The other one's grid may be half a pixel off, which tells at edges alone.
    assert np.mean(np.abs(ours - theirs) > 0.05) < 0.02
    assert np.mean(np.abs(ours[::-1] - theirs) > 0.05) > 0.03


def test_an_ellipse_has_its_area_place_and_turn():
    n, (grey, a, b, x, y, angle) = 801, (0.5, 0.6, 0.2, 0.1, -0.3, 0.4)
    image = ellipses(np.array([[grey, -a, b, x, y, angle]]), n)
    cell = (2 / (n - 1)) ** 2
    assert image.sum() * cell == pytest.approx(grey * np.pi * a * b, rel=1e-3)
    axis = np.linspace(-1, 1, n)
    xs, ys = np.meshgrid(axis, -axis)
    weights = image / image.sum()
    assert (weights * xs).sum() == pytest.approx(x, abs=1e-3)
    assert (weights * ys).sum() == pytest.approx(y, abs=1e-3)
    covariance = (weights * (xs - x) * (ys - y)).sum()
    assert covariance == pytest.approx((a * a - b * b) / 8 * np.sin(2 * angle), rel=1e-2)


def test_the_noise_is_that_of_the_published_set():
    phantoms = _phantoms(101)
    brain = [phantoms.get("train", index)[60, 75, 0] for index in range(400)]
    # Grey 1 − 0.8, with a deviation of 0.05 each; seldom does another ellipse reach so far.
    low, middle, high = np.percentile(brain, (16, 50, 84))
    assert middle == pytest.approx(0.2, abs=0.015)
    assert (high - low) / 2 == pytest.approx(0.05 * np.sqrt(2), rel=0.15)
