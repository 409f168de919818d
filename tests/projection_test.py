"""Projections against closed forms, against sums along rays and against other libraries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from metainr import measurements
from metainr.measurements import detector_grid, projection, ray_projection
from metainr.numerics import Summation, objective_gradient
from metainr.objectives import Sinogram, all_views, random_views, squared_error
from metainr.types import Term

project = jax.jit(measurements.project, static_argnames="interpolation")
ANGLES = np.array([0.0, 0.4, 1.1, np.pi / 2, 2.0, 2.9], np.float32)
# Grey, semi-axes, centre (x, y down) and turn (as ANGLES) of an ellipse, in sides.
ELLIPSE = (0.7, 0.3, 0.15, 0.08, -0.1, 0.5)


def _ellipse_at(x, y):
    """The ellipse at points given from the centre of rotation."""
    grey, a, b, x0, y0, turn = ELLIPSE
    along = (x - x0) * np.cos(turn) - (y - y0) * np.sin(turn)
    across = (x - x0) * np.sin(turn) + (y - y0) * np.cos(turn)
    return grey * ((along / a) ** 2 + (across / b) ** 2 <= 1)


def _ellipse_projections(angles, detectors):
    """Chords of an ellipse: 2 a b √(r² − u²) / r² at distance u from its centre's ray."""
    grey, a, b, x0, y0, turn = ELLIPSE
    angles = np.asarray(angles, np.float64)[:, None]
    square = (a * np.cos(angles - turn)) ** 2 + (b * np.sin(angles - turn)) ** 2
    u = np.asarray(detectors) - (x0 * np.cos(angles) - y0 * np.sin(angles))
    return grey * 2 * a * b * np.sqrt(np.clip(square - u * u, 0, None)) / square


def _ellipse_image(n, oversampling=8):
    places = detector_grid(n * oversampling).astype(np.float64)
    fine = _ellipse_at(places[None, :], places[:, None])
    return fine.reshape(n, oversampling, n, oversampling).mean((1, 3)).astype(np.float32)


def _smooth_image(n, dtype=np.float32):
    places = detector_grid(n).astype(np.float64)
    x, y = places[None, :], places[:, None]
    return np.exp(-((x - 0.1) ** 2 + 2 * (y + 0.05) ** 2 + x * y) / 0.02).astype(dtype)


def _noise(n, dtype=np.float32):
    return np.random.default_rng(0).uniform(size=(n, n)).astype(dtype)


@pytest.mark.parametrize("interpolation,tolerance", [("bilinear", 0.003), ("nearest", 0.008)])
def test_ellipses_have_their_chords(interpolation, tolerance):
    n = 128
    found = project(_ellipse_image(n), ANGLES, detector_grid(n), interpolation)
    expected = _ellipse_projections(ANGLES, detector_grid(n))
    error = np.abs(found - expected)
    assert error.mean() < tolerance / 8
    # Where rays touch the ellipse, chords end as steeply as a root does.
    assert error[expected > 0.4 * expected.max(1, keepdims=True)].max() < tolerance


def test_shifted_and_sparse_detectors_see_their_rays():
    n, detectors = 128, np.array([-0.31, -0.1, 0.0123, 0.07, 0.4], np.float32)
    found = project(_ellipse_image(n), ANGLES, detectors)
    np.testing.assert_allclose(found, _ellipse_projections(ANGLES, detectors), atol=0.012)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("n", [7, 8])
def test_quarter_turns_are_sums_of_rows_and_columns(n, interpolation):
    image = _noise(n)
    angles = np.arange(4) * np.pi / 2
    found = project(image, angles, detector_grid(n), interpolation)
    expected = [image.mean(0), image.mean(1)[::-1], image.mean(0)[::-1], image.mean(1)]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    turned = project(np.rot90(image), ANGLES + np.pi / 2, detector_grid(n))
    np.testing.assert_allclose(turned, project(image, ANGLES, detector_grid(n)), atol=1e-4)


@pytest.mark.parametrize("interpolation,order", [("bilinear", 1), ("nearest", 0)])
@pytest.mark.parametrize("n", [16, 33])
def test_it_is_the_mean_over_rows_of_the_turned_grid(n, interpolation, order):
    from scipy.ndimage import map_coordinates

    image = _noise(n, np.float64)
    places = np.arange(n) - (n - 1) / 2
    x, y = np.meshgrid(places, places)
    for angle in ANGLES[1:3]:
        cos, sin = np.cos(angle), np.sin(angle)
        points = [y * cos - x * sin + (n - 1) / 2, x * cos + y * sin + (n - 1) / 2]
        # A frame, because SciPy takes points beyond the last pixel for zero at once.
        framed = np.pad(image, n)
        turned = map_coordinates(framed, np.add(points, n), order=order)
        found = project(image.astype(np.float32), angle[None], detector_grid(n), interpolation)
        np.testing.assert_allclose(found[0], turned.mean(0), atol=1e-5)


def test_it_agrees_with_the_radon_transform_of_scikit_image():
    from skimage.transform import radon

    n = 65  # odd: there both turn about the same point
    image = _smooth_image(n)
    places = detector_grid(n)
    image[np.hypot(places[:, None], places[None, :]) >= 0.49] = 0  # or it complains
    expected = radon(image, np.rad2deg(ANGLES), circle=True).T / n
    np.testing.assert_allclose(project(image, ANGLES, detector_grid(n)), expected, atol=1e-4)


@pytest.mark.slow
def test_the_interpolations_agree_with_the_field_along_the_rays():
    n = 64
    angles = jnp.asarray(ANGLES)

    def field(coords):
        x, y = (coords[..., i : i + 1] - (n - 1) / (2 * n) for i in (0, 1))
        return jnp.exp(-((x - 0.1) ** 2 + 2 * (y + 0.05) ** 2 + x * y) / 0.02)

    def read(measurement):
        return measurement.pool(measurement.local(field, measurement.points(angles)), angles)

    bilinear = read(projection(n))
    np.testing.assert_allclose(
        bilinear, project(_smooth_image(n), ANGLES, detector_grid(n)), atol=1e-6
    )
    along = read(ray_projection(n))
    np.testing.assert_allclose(bilinear, along, atol=0.002)
    slope = 0.04  # per pixel, and the nearest one is at most half a pixel off
    nearest = read(projection(n, interpolation="nearest"))
    np.testing.assert_allclose(nearest, along, atol=slope / 2)
    assert float(jnp.abs(nearest - along).mean()) < slope / 20
    fine = read(ray_projection(512, detector_grid(n), centre=(n - 1) / (2 * n)))
    np.testing.assert_allclose(along, fine, atol=1e-4)


def test_rays_are_zero_outside_the_square():
    one = ray_projection(64, np.array([0.0, 0.49, 0.51, 0.7], np.float32), centre=0.5)
    angles = jnp.array([0.0, np.pi / 4])
    found = one.pool(jnp.ones((2, 4 * 64, 1)), angles)
    # Chords of the square, no longer than the ray.
    expected = [[1, 1, 0, 0], [1, 2 * (np.sqrt(0.5) - 0.49), 2 * (np.sqrt(0.5) - 0.51), 0]]
    np.testing.assert_allclose(found, expected, atol=0.04)


def test_its_gradient_is_that_of_finite_differences(float64):
    n, rng = 9, np.random.default_rng(1)
    image, direction = jnp.asarray(rng.normal(size=(2, n, n)))
    detectors = jnp.asarray(rng.uniform(-0.6, 0.6, 5))
    angles = jnp.asarray(rng.uniform(0, 4, 3))

    def loss(image):
        return jnp.sum(jnp.sin(3 * project(image, angles, detectors)))

    slope = jnp.sum(jax.grad(loss)(image) * direction)
    h = 1e-5
    expected = (loss(image + h * direction) - loss(image - h * direction)) / (2 * h)
    np.testing.assert_allclose(slope, expected, rtol=1e-6)
    _, curved = jax.jvp(jax.grad(loss), (image,), (direction,))
    ahead, behind = (jax.grad(loss)(image + s * h * direction) for s in (1, -1))
    np.testing.assert_allclose(curved, (ahead - behind) / (2 * h), atol=1e-7)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_jit_and_vmap_change_nothing(interpolation):
    images = np.stack([_noise(12), _smooth_image(12)])

    def loss(image, angles):
        return jnp.sum(measurements.project(image, angles, detector_grid(12), interpolation) ** 2)

    angles = np.stack([ANGLES, ANGLES + 0.3])
    both = jax.jit(jax.vmap(jax.value_and_grad(loss)))(images, angles)
    for i in range(2):
        value, slope = jax.value_and_grad(loss)(jnp.asarray(images[i]), angles[i])
        np.testing.assert_allclose(both[0][i], value, rtol=1e-5)
        np.testing.assert_allclose(both[1][i], slope, atol=1e-6)


def test_the_engine_takes_both_measurements_for_the_same():
    n = 24

    def apply(params, coords):
        waves = jnp.sin(coords @ params["w"])
        return waves @ params["v"][:, None]

    rng = np.random.default_rng(2)
    params = {"w": jnp.asarray(2 * rng.normal(size=(2, 5))), "v": jnp.asarray(rng.normal(size=5))}
    params = jax.tree.map(lambda x: x.astype(jnp.float32), params)
    values = rng.normal(size=(len(ANGLES), n)).astype(np.float32)
    support = Sinogram(jnp.asarray(ANGLES), jnp.asarray(values), jnp.ones(len(ANGLES)))
    losses = []
    # Detectors whose rays stay inside, where the border's pixels do not tell.
    for measurement in (
        projection(n, 0.6 * detector_grid(n)),
        ray_projection(n, 0.6 * detector_grid(n)),
    ):
        objective = (Term(all_views(), measurement, squared_error),)
        gradient = objective_gradient(objective, apply, Summation(chunk_size=100))
        found, slope = jax.jit(gradient)(params, support, jax.random.key(0), 0)[:2]
        losses.append(jax.tree.leaves((found, slope)))
    for coupled, along in zip(*losses):
        np.testing.assert_allclose(coupled, along, atol=0.03 * float(jnp.abs(along).max()) + 1e-3)


def test_random_views_are_projections_of_the_truth():
    image = jnp.asarray(_smooth_image(16))[..., None]
    detectors = detector_grid(16)
    draw = random_views(lambda image, angles: project(image, angles, detectors), 500)
    seen = jax.jit(draw)(None, image, jax.random.key(3), 0)
    other = draw(None, image, jax.random.key(4), 0)
    assert seen.targets.shape == (500, 16) and bool((seen.weights == 1).all())
    np.testing.assert_allclose(
        seen.targets, project(image[..., 0], seen.inputs, detectors), atol=1e-6
    )
    assert 0 <= seen.inputs.min() < 0.05 and np.pi - 0.05 < seen.inputs.max() < np.pi
    assert not np.intersect1d(seen.inputs, other.inputs).size


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"\(4, 5\) is not square"):
        project(jnp.ones((4, 5)), ANGLES, detector_grid(4))
    with pytest.raises(ValueError, match="'cubic' is none of bilinear, nearest"):
        project(jnp.ones((4, 4)), ANGLES, detector_grid(4), "cubic")
