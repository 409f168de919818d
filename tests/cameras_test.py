import jax.numpy as jnp
import numpy as np

from metainr.cameras import image_pixels, look_at, opengl_inverse_intrinsics, pixel_rays

INVERSE = opengl_inverse_intrinsics(2.0, 4, 6)[None]
BOUNDS = np.array([[2.0, 6.0]], np.float32)


def test_the_centre_looks_at_the_target():
    eye, target = np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0])
    rays = pixel_rays(look_at(eye, target)[None], INVERSE, BOUNDS, np.array([[2.0, 3.0]]))
    np.testing.assert_allclose(rays.origins[0], eye, rtol=1e-6)
    np.testing.assert_allclose(rays.directions[0], (target - eye) / 3, rtol=1e-5)
    np.testing.assert_array_equal(rays.bounds[0], BOUNDS[0])


def test_columns_go_right_and_rows_down():
    pose = look_at([0, -4, 0], [0, 0, 0])[None]  # looks along +y with z up: x is to the right
    rays = pixel_rays(pose, INVERSE, BOUNDS, np.array([[2.0, 5.0], [3.0, 3.0]]))
    np.testing.assert_allclose(rays.directions, [[1, 1, 0], [0, 1, -0.5]], atol=1e-6)


def test_a_camera_per_pixel_is_one_for_all():
    pose, pixels = look_at([3, 1, 2], [0, 0, 0])[None], image_pixels(4, 6)
    one = pixel_rays(pose, INVERSE, BOUNDS, pixels)
    n = len(pixels)
    each = pixel_rays(*(np.repeat(x, n, 0) for x in (pose, INVERSE, BOUNDS)), pixels)
    in_jax = pixel_rays(*map(jnp.asarray, (pose, INVERSE, BOUNDS, pixels)))
    for a, b, c in zip(one, each, in_jax, strict=True):
        assert a.shape == b.shape and a.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=1e-6)
        np.testing.assert_allclose(a, c, atol=1e-6)


def test_pixels_go_row_by_row():
    np.testing.assert_array_equal(image_pixels(2, 3)[:4], [[0, 0], [0, 1], [0, 2], [1, 0]])
