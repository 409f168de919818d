"""Several pictures as one."""

import jax.numpy as jnp
import numpy as np

from experiments.media.sheets import arranged, sheet


def test_sheets_show_the_first_and_the_last_frame():
    clip = jnp.arange(10.0)[:, None, None, None] * jnp.ones((1, 4, 3, 1)) / 10
    shown = np.asarray(sheet(clip))
    assert shown.shape == (9, 7, 1)
    np.testing.assert_allclose(shown[::5, ::4, 0], [[0, 0.3], [0.6, 0.9]], rtol=1e-6)
    np.testing.assert_array_equal(shown[:, 3], 1)
    np.testing.assert_array_equal(shown[4], 1)
    assert sheet(clip[:2]).shape == (9, 7, 1)


def test_lines_have_the_grey_that_was_asked_for():
    shown = np.asarray(sheet(jnp.zeros((4, 3, 3, 3)), 0.5))
    np.testing.assert_array_equal(shown[3], 0.5)
    np.testing.assert_array_equal(shown[:, 3], 0.5)
    assert shown.sum() == 0.5 * 3 * (7 + 7 - 1)


def test_what_is_missing_in_the_last_row_is_white():
    rows = np.asarray(arranged([jnp.full((2, 3, 3), level) for level in (0.0, 0.2, 0.4)], 2))
    np.testing.assert_allclose(rows[::2, ::3, 0], [[0, 0.2], [0.4, 1]])
