"""Grey pictures: of classes, of a user's own files, and the photograph that is always there."""

import numpy as np
import pytest
from PIL import Image

from metainr import signals
from metainr.errors import UserError
from metainr.signals.images.one_image import camera, grey, grey_images
from metainr.types import SignalClass

OPTIONS = signals.ImageOptions(16)
PICTURES = signals.PictureOptions(16)


def _own(*paths):
    return signals.make("image", PICTURES._replace(files=paths))


def test_grey_is_luminance():
    colours = np.eye(3, dtype=np.float32).reshape(1, 3, 3)
    np.testing.assert_allclose(grey(colours)[0, :, 0], [0.299, 0.587, 0.114], rtol=1e-6)
    white = np.ones((2, 2, 3), np.float32)
    assert grey(white).max() <= 1 and grey(white).min() > 0.999999


def test_images_of_a_class_with_those_that_follow():
    colours = signals.make("sdf", OPTIONS)
    pairs = grey_images(colours, 2)
    assert pairs.sizes == colours.sizes
    last = pairs.sizes["test"] - 1
    for index, following in ((0, 1), (last, 0)):
        pair = pairs.get("test", index)
        assert pair.shape == (16, 16, 2) and pair.dtype == np.float32
        for channel, one in enumerate((index, following)):
            np.testing.assert_array_equal(
                pair[..., channel], grey(colours.get("test", one))[..., 0]
            )
    with pytest.raises(IndexError):
        pairs.get("test", last + 1)
    assert not pairs.names


def test_grey_images_keep_the_names_of_files():
    colours = SignalClass({"test": 3}, lambda split, i: np.ones((2, 2, 3)), {"test": "abc"})
    assert grey_images(colours).names == {"test": ["a", "b", "c"]}
    assert grey_images(colours, 2).names == {"test": ["a + b", "b + c", "c + a"]}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_own_pictures_of_any_kind(tmp_path, mode):
    values = np.tile(np.linspace(0, 255, 40).astype(np.uint8)[:, None], (1, 24))
    image = Image.fromarray(values)
    image = (
        Image.fromarray(values.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    )
    image.save(tmp_path / "own.png")
    found = _own(str(tmp_path / "own.png"))
    assert found.sizes == {"train": 0, "validation": 0, "test": 1}
    picture = found.get("test", 0)
    assert picture.shape == (16, 16, 1) and picture.dtype == np.float32
    # The square in the middle, rows 8 to 32 of a ramp.
    np.testing.assert_allclose(picture.mean(), values[8:32].mean() / 255, atol=0.01)
    assert (np.diff(picture[:, 0, 0]) > 0).all()


def test_two_pictures_are_one_signal(tmp_path):
    for name, level in (("a.png", 51), ("b.png", 204)):
        Image.new("L", (5, 7), level).save(tmp_path / name)
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    pair = _own(*paths)
    assert pair.names == {"train": (), "validation": (), "test": ("a.png + b.png",)}
    levels = np.broadcast_to([0.2, 0.8], (16, 16, 2))
    np.testing.assert_allclose(pair.get("test", 0), levels, atol=1e-6)


def test_unusable_pictures(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.png"):
        _own(str(tmp_path / "nowhere.png"))
    Image.new("L", (1, 30)).save(tmp_path / "line.png")
    with pytest.raises(UserError, match=r"line\.png has sides 30 and 1; give"):
        _own(str(tmp_path / "line.png"))
    holes = np.full((8, 8), np.nan, np.float32)
    Image.fromarray(holes).save(tmp_path / "holes.tif")
    with pytest.raises(UserError, match=r"holes\.tif has 64 values that are NaN"):
        _own(str(tmp_path / "holes.tif"))


def test_the_camera_photograph():
    import skimage.data

    full = camera(signals.PictureOptions(512)).get("test", 0)
    np.testing.assert_allclose(full[..., 0], skimage.data.camera() / 255, atol=1e-6)
    pair = camera(PICTURES._replace(num=2)).get("test", 0)
    assert pair.shape == (16, 16, 2) and not camera(PICTURES).names
    np.testing.assert_array_equal(pair[..., :1], camera(PICTURES).get("test", 0))
    assert abs(pair[..., 0] - pair[..., 1]).mean() > 0.1
