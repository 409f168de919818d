import jax
import numpy as np
import pytest

from metainr import measurements
from metainr.errors import UserError
from metainr.evaluation.ct_baselines import (
    filtered_back_projection,
    is_all_around,
    rebinned,
    sart,
)
from metainr.measurements import covering_fan, detector_grid
from metainr.signals import SliceOptions, make

project = jax.jit(measurements.project)
METHODS = {"fbp": filtered_back_projection, "sart": sart}


def psnr(image, reference):
    return -10 * np.log10(np.mean((image - reference) ** 2))


def _phantom(n):
    return make("phantoms", SliceOptions(n)).get("test", 1)[..., 0]


def _angles(views):
    return np.linspace(0, np.pi, views, endpoint=False, dtype=np.float32)


@pytest.mark.parametrize("n", [64, 65])
@pytest.mark.parametrize("name,least", [("fbp", 23), ("sart", 26)])
def test_many_views_show_the_phantom(name, least, n):
    image = _phantom(n)
    sinogram = np.asarray(project(image, _angles(90), detector_grid(n)))
    found = METHODS[name](_angles(90), sinogram, n)
    assert found.shape == (n, n) and found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1
    best = psnr(found, image)
    assert best > least
    moved = [np.roll(found, shift, axis) for shift in (1, -1) for axis in (0, 1)]
    for other in (*moved, found[::-1], found[:, ::-1], found.T, 0.8 * found):
        assert psnr(other, image) < best - 1


@pytest.mark.parametrize("name", METHODS)
def test_detectors_say_where_rays_lie(name):
    n = 64
    image = _phantom(n)
    detectors = 1.2 * detector_grid(90) + 0.03
    sinogram = np.asarray(project(image, _angles(60), detectors))
    shifted = METHODS[name](_angles(60), sinogram, n, detectors)
    plain = METHODS[name](_angles(60), project(image, _angles(60), detector_grid(n)), n)
    assert psnr(shifted, image) > psnr(plain, image) - 1


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("n", [16, 33])
def test_one_view_will_do(name, n):
    image = np.zeros((n, n), np.float32)
    image[n // 3 : n // 2, n // 4 : n // 2] = 0.5
    sinogram = np.asarray(project(image, _angles(1), detector_grid(n)))
    found = METHODS[name](_angles(1), sinogram, n)
    assert np.isfinite(found).all() and found.max() > 0
    assert abs(int(found.sum(0).argmax()) - int(image.sum(0).argmax())) < n // 4


@pytest.mark.parametrize("method", METHODS.values())
def test_shapes_that_do_not_fit_are_named(method):
    with pytest.raises(UserError, match=r"\(8, 16\) does not fit \(7,\) angles"):
        method(_angles(7), np.ones((8, 16)), 16)
    with pytest.raises(UserError, match=r"16 values per view do not fit \(15,\) detectors"):
        method(_angles(8), np.ones((8, 16)), 16, detector_grid(15))


@pytest.mark.parametrize(
    "name,least", [("fbp", 23), pytest.param("sart", 26, marks=pytest.mark.slow)]
)
def test_a_rebinned_fan_shows_the_phantom(name, least):
    n, angles = 64, np.random.default_rng(0).permutation(np.linspace(-1, 2 * np.pi - 1, 180, False))
    image, fan = _phantom(n), covering_fan(n, 1.1)
    sinogram = np.asarray(project(image, angles.astype(np.float32), fan))
    found = METHODS[name](*rebinned(angles, sinogram, fan.turns), n, fan.places)
    best = psnr(found, image)
    assert best > least
    for other in (found[::-1], found[:, ::-1], found.T):
        assert psnr(other, image) < best - 1


def test_fans_with_gaps_are_not_rebinned():
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    assert is_all_around(around) and is_all_around(around[::-1] + 5)
    for angles in (around[:-1], np.linspace(0, np.pi, 180), np.array([1.0])):
        assert not is_all_around(angles)
        with pytest.raises(UserError, match="gaps above 6 degrees"):
            rebinned(angles, np.ones((len(angles), 4)), np.zeros(4))
