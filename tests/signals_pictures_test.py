"""Pictures of every kind are read as they are meant to be seen, and scaled by a known filter."""

import numpy as np
import pytest
from PIL import Image

from metainr.errors import UserError
from metainr.media.images.resizing import resize
from metainr.signals import read_image, to_square


def _noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _saved(tmp_path, image, name="picture.png", **kwargs):
    image.save(tmp_path / name, **kwargs)
    return read_image(tmp_path / name)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_colour_is_divided_by_255(tmp_path, suffix):
    pixels = _noise(5, 7, 3)
    kwargs = {"lossless": True} if suffix == "webp" else {}
    actual = _saved(tmp_path, Image.fromarray(pixels), f"picture.{suffix}", **kwargs)
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(actual, pixels.astype(np.float32) / 255)


def test_grey_becomes_three_channels(tmp_path):
    pixels = _noise(4, 6)
    actual = _saved(tmp_path, Image.fromarray(pixels))
    np.testing.assert_allclose(actual, pixels[..., None].repeat(3, axis=-1) / 255, atol=1e-7)


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_kept(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 65536, (4, 6), dtype=np.uint16)
    actual = _saved(tmp_path, Image.fromarray(pixels), f"picture.{suffix}")
    np.testing.assert_allclose(actual, pixels[..., None].repeat(3, axis=-1) / 65535, atol=1e-7)


def test_transparency_lies_on_white(tmp_path):
    pixels = _noise(4, 6, 4)
    alpha = pixels[..., 3:] / 255
    actual = _saved(tmp_path, Image.fromarray(pixels))
    np.testing.assert_allclose(actual, alpha * pixels[..., :3] / 255 + 1 - alpha, atol=1e-6)


def test_palette_with_and_without_transparency(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)).convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    red, blue = [1, 0, 0], [0, 0, 1]
    np.testing.assert_array_equal(_saved(tmp_path, image), [[red, blue], [blue, red]])
    actual = _saved(tmp_path, image, transparency=0)
    np.testing.assert_array_equal(actual, [[[1, 1, 1], blue], [blue, [1, 1, 1]]])


def test_black_and_white_and_four_inks(tmp_path):
    bits = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    np.testing.assert_array_equal(_saved(tmp_path, bits), [[[0, 0, 0], [1, 1, 1]]])
    inks = Image.new("CMYK", (2, 2), (0, 255, 255, 0))
    np.testing.assert_array_equal(_saved(tmp_path, inks, "inks.tiff"), [[[1, 0, 0]] * 2] * 2)


def test_exif_orientation_is_applied(tmp_path):
    pixels = _noise(4, 6, 3)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    actual = _saved(tmp_path, Image.fromarray(pixels), exif=exif)
    np.testing.assert_allclose(actual, np.rot90(pixels, -1) / 255, atol=1e-7)


def test_unreadable_pictures_are_named(tmp_path):
    Image.fromarray(_noise(64, 64, 3)).save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    for name in ("half.jpg", "text.png", "missing.png"):
        with pytest.raises(UserError, match=f"cannot read picture .*{name}") as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)


def _triangle(size, start, side, resolution):
    """The matrix that averages with triangles of half-width max(1, side/resolution)."""
    ratio = side / resolution
    centre = start + (np.arange(resolution) + 0.5) * ratio
    gap = np.abs(np.arange(size) + 0.5 - centre[:, None]) / max(1.0, ratio)
    weights = np.maximum(0, 1 - gap)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("resolution", [5, 16, 31, 60])
def test_resize_is_a_product_with_triangles(resolution):
    image = np.random.default_rng(0).random((40, 50, 3), np.float32)
    rows, columns = _triangle(40, 3.25, 31.5, resolution), _triangle(50, 11.75, 31.5, resolution)
    expected = np.einsum("ir,jc,rcd->ijd", rows, columns, image.astype(np.float64))
    actual = resize(image, 3.25, 11.75, 31.5, resolution)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (16, 29), (40, 16)])
def test_to_square_only_cuts_what_fits(shape):
    image = np.random.default_rng(0).random((*shape, 3), np.float32)
    top, left = (shape[0] - 16) // 2, (shape[1] - 16) // 2
    np.testing.assert_array_equal(to_square(image, 16), image[top : top + 16, left : left + 16])


def test_to_square_keeps_white_white_and_does_not_alias():
    assert (to_square(np.ones((33, 47, 3), np.float32), 10) == 1).all()
    stripes = np.zeros((120, 120, 3), np.float32)
    stripes[:, ::2] = 1
    np.testing.assert_allclose(to_square(stripes, 20)[2:-2, 2:-2], 0.5, atol=0.02)
